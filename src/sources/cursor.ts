/** How far the files of a source have been read: what a position says, and what is left after it. */
import type { FileItem } from "./items.ts";

/** A position as it is stored. */
interface Position {
  /** The last item of each group that is wholly read. */
  readonly done: Readonly<Record<string, string>>;
  /** The item after it that was begun: its order, how many of its packets are read, and its size. */
  readonly begun?: readonly [order: string, packets: number, size: number];
  /** Digest of the items that are read, where the order is that of names. */
  readonly digest?: string;
}

/**
 * Walks through items in their order. Items of one group are read in ascending order, so one mark per group
 * tells which are done. Where items are ordered by name, a file that comes later may sort before the mark:
 * a digest of what was read tells, and then all is read again, for alerts that are stored are left alone.
 */
export class Cursor {
  readonly #done: Map<string, string>;
  readonly #isByName: boolean;
  #begun: Position["begun"];
  #digest: bigint;

  constructor(position: string | undefined, order: "by name" | "by arrival") {
    const { done, begun, digest } = position === undefined ? START : (JSON.parse(position) as Position);
    this.#done = new Map(Object.entries(done));
    this.#begun = begun;
    this.#digest = BigInt(digest ?? 0);
    this.#isByName = order === "by name";
  }

  /** The items that are not wholly read; `items` are all there are. */
  remaining(items: readonly FileItem[]): FileItem[] {
    if (this.#isByName && !this.#fits(items)) this.#startOver();
    const groups = new Set(items.map(({ group }) => group));
    // A folder that is gone may come again, with other files: its mark goes with it.
    for (const group of this.#done.keys()) if (!groups.has(group)) this.#done.delete(group);
    return items.filter((item) => !this.#isDone(item));
  }

  /** How many packets of an item are read. */
  packetsOf(item: FileItem): number {
    return this.#begun?.[0] === item.order ? this.#begun[1] : 0;
  }

  /** The first `packets` packets of an item are read. */
  begin(item: FileItem, packets: number): void {
    this.#begun = [item.order, packets, item.size];
  }

  finish(item: FileItem): void {
    this.#done.set(item.group, item.order);
    this.#digest = digestOf(item, this.#digest);
    this.#begun = undefined;
  }

  toString(): string {
    const position: Position = {
      done: Object.fromEntries(this.#done),
      ...(this.#begun === undefined ? {} : { begun: this.#begun }),
      ...(this.#isByName ? { digest: this.#digest.toString() } : {}),
    };
    return JSON.stringify(position);
  }

  #isDone({ group, order }: FileItem): boolean {
    const mark = this.#done.get(group);
    return mark !== undefined && order <= mark;
  }

  /** Whether the items up to the mark are those that were read, and the one begun has not changed. */
  #fits(items: readonly FileItem[]): boolean {
    const done = items.filter((item) => this.#isDone(item));
    if (done.reduce((digest, item) => digestOf(item, digest), 0n) !== this.#digest) return false;
    if (this.#begun === undefined) return true;
    const [order, , size] = this.#begun;
    const next = items[done.length];
    return next?.order === order && next.size === size;
  }

  #startOver(): void {
    this.#done.clear();
    this.#begun = undefined;
    this.#digest = 0n;
  }
}

const START: Position = { done: {} };

function digestOf(item: FileItem, before: bigint): bigint {
  return Bun.hash.xxHash64(`${item.order} ${item.size}`, before);
}
