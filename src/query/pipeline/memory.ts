/** Bounds what a stage keeps: an estimate of bytes, and the error beyond the limit. */
import { BSONValue } from "bson";
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import { isDocument, type Value } from "../values.ts";
import type { RunContext } from "./nodes.ts";

const SMALL = 16;
/** A boxed value, date or other object of fixed size. */
const BOXED = 48;

/** About how much memory a value takes, bytes. */
export function sizeOf(value: Value | undefined): number {
  if (typeof value === "string") return SMALL + value.length;
  if (typeof value !== "object" || value === null) return SMALL;
  if (Array.isArray(value)) {
    tick(value.length);
    let size = BOXED;
    for (const item of value) size += sizeOf(item);
    return size;
  }
  if (value instanceof Uint8Array) return BOXED + value.length;
  if (value instanceof Date || (value instanceof BSONValue && !isDocument(value))) return BOXED;
  let size = BOXED;
  for (const name in value) size += SMALL + sizeOf((value as Record<string, Value>)[name]);
  return size;
}

/** Counts what one stage keeps. */
export class MemoryAccount {
  #used = 0;
  readonly #most: number;

  /** `whole` is the account of which this one is a part. */
  constructor(
    readonly at: string,
    readonly context: Pick<RunContext, "limits">,
    readonly whole?: MemoryAccount,
  ) {
    this.#most = context.limits.stageBytes;
  }

  /** An account for a part of what the stage keeps, which can be given back as a whole. */
  part(): MemoryAccount {
    return new MemoryAccount(this.at, this.context, this);
  }

  /** Gives back all that was counted here. */
  release(): void {
    this.add(-this.#used);
  }

  /** Counts bytes about to be kept (or given back, when negative); throws a `limit` error beyond the bound. */
  add(bytes: number): void {
    this.#used += bytes;
    this.whole?.add(bytes);
    if (this.#used <= this.#most) return;
    const megabytes = Math.round((this.#most / 1024 / 1024) * 10) / 10;
    throw new QueryError(
      "limit",
      this.at,
      `needs more than ${megabytes} MB of memory: narrow the documents with an earlier $match or $project, or add a $limit`,
    );
  }

  /** Counts a value that is kept. */
  keep(value: Value | undefined): void {
    this.add(sizeOf(value));
  }
}
