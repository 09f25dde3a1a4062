/** Sorts what no index sorts, in bounded memory: with a small limit only the best are kept. */
import { type Document, QueryError } from "../../query/index.ts";
import type { Running } from "./find.ts";
import type { Found } from "./scan.ts";

/** What a sort in memory may hold, bytes. */
const MOST_BYTES = 100 * 1024 * 1024;

export class Sorter {
  #kept: Found[] = [];
  #bytes = 0;

  /** `most`: how many documents are asked for in all (`skip` + `limit`). */
  constructor(
    readonly compare: (a: Document, b: Document) => number,
    readonly most: number,
  ) {}

  *sort(found: Iterable<Found | undefined>): Running {
    for (const item of found) {
      if (item === undefined) {
        yield undefined;
        continue;
      }
      this.#kept.push(item);
      this.#bytes += item.size;
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
    this.#kept.sort((a, b) => this.compare(a.document, b.document));
    if (this.#kept.length > this.most) this.#kept.length = this.most;
    this.#bytes = this.#kept.reduce((sum, item) => sum + item.size, 0);
  }
}
