/** Bounds the memory that one evaluation of an expression may build up. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import { type Document, isDocument, type Value } from "../values.ts";

/** What arrays and texts made by one evaluation may take together, in bytes. */
const MAX_GROWTH = 64 * 1024 * 1024;
/** What one value may come to when written out: the server's limit of a document. */
const MAX_VALUE = 16 * 1024 * 1024;
/** Levels of arrays and objects in a value: the server's limit of a document. */
const MAX_LEVELS = 180;
/** An estimate: a reference in an array, or a small value behind it. */
export const ITEM_BYTES = 16;

let used = 0;

/** Starts the account of a new evaluation. */
export function resetGrowth(): void {
  used = 0;
}

/** The account now, for `releaseTo`. */
export function growthMark(): number {
  return used;
}

/** Takes back what was made since `mark`, where all of it is garbage: the result is a scalar. */
export function release(mark: number, value: Value | undefined): void {
  if (typeof value !== "object" && typeof value !== "string") used = mark;
}

/** Takes back what was made since `mark` but for what `value` holds, which must be small and shallow. */
export function settle(mark: number, value: Value | undefined, at: string): void {
  used = mark + checkSize(value, at);
}

/** Counts bytes about to be used; throws a `limit` error beyond the bound. */
export function grow(bytes: number, at: string): void {
  used += bytes;
  if (used > MAX_GROWTH) {
    const megabytes = MAX_GROWTH / (1024 * 1024);
    throw new QueryError("limit", at, `needs more than ${megabytes} MB; work on fewer or smaller values`);
  }
}

/**
 * The size of a value when written out, in bytes, roughly. Throws a `limit` error when it is too large or too
 * deep: a value may contain another many times over, and so be far larger than what it takes in memory. Whoever
 * writes results out asks first.
 */
export function checkSize(value: Value | undefined, at: string, most = MAX_VALUE): number {
  let size = 0;
  const visit = (item: Value | undefined, level: number) => {
    size += typeof item === "string" ? item.length + ITEM_BYTES : ITEM_BYTES;
    if (size > most) {
      throw new QueryError("limit", at, `builds a value larger than ${most / (1024 * 1024)} MB`);
    }
    if (level > MAX_LEVELS) throw new QueryError("limit", at, `nests deeper than ${MAX_LEVELS} levels`);
    if (Array.isArray(item)) {
      tick(item.length);
      for (const part of item) visit(part, level + 1);
    } else if (isDocument(item)) visitFields(item, level);
  };
  const visitFields = (document: Document, level: number) => {
    for (const name in document) visit(document[name], level + 1);
  };
  visit(value, 0);
  return size;
}
