/** Sorts what no index sorts, in bounded memory: with a small limit only the best are kept. */
import { compileKeyOrder, compileSortKey, type Document, QueryError } from "../../query/index.ts";
import type { SortSpec } from "../store.ts";
import type { Running } from "./find.ts";
import type { Found } from "./scan.ts";

/** What a sort in memory may hold, bytes. */
const MOST_BYTES = 100 * 1024 * 1024;

/** An order of documents by keys that are made once per document. */
export interface Order<Key> {
  keyOf(document: Document): Key;
  compare(a: Key, b: Key): number;
}

/** The order that a sort specification asks for. */
export function orderOf(sort: SortSpec): Order<unknown> {
  const keyOf = compileSortKey(sort);
  const compare = compileKeyOrder(sort);
  return { keyOf, compare: compare as (a: unknown, b: unknown) => number };
}

interface Kept<Key> {
  readonly key: Key;
  readonly document: Document;
  readonly size: number;
}

export class Sorter<Key> {
  #kept: Kept<Key>[] = [];
  #bytes = 0;

  /** `most`: how many documents are asked for in all (`skip` + `limit`). */
  constructor(
    readonly order: Order<Key>,
    readonly most: number,
  ) {}

  *sort(found: Iterable<Found | undefined>): Running {
    for (const item of found) {
      if (item === undefined) {
        yield undefined;
        continue;
      }
      const { document, size } = item;
      this.#kept.push({ key: this.order.keyOf(document), document, size });
      this.#bytes += size;
      // Cutting back only when twice as many are held keeps it at a few comparisons a document.
      if (this.#kept.length > 2 * this.most + 100) this.#cut();
      if (this.#bytes > MOST_BYTES) this.#cut();
      if (this.#bytes > MOST_BYTES) {
        throw new QueryError(
          "limit",
          "sort",
          `needs more than ${MOST_BYTES / 1024 / 1024} MB of memory: narrow the filter, set a limit or sort by an indexed field`,
        );
      }
    }
    this.#cut();
    for (const { document } of this.#kept) yield document;
  }

  #cut(): void {
    this.#kept.sort((a, b) => this.order.compare(a.key, b.key));
    if (this.#kept.length > this.most) this.#kept.length = this.most;
    this.#bytes = this.#kept.reduce((sum, { size }) => sum + size, 0);
  }
}
