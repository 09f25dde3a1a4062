/** Gathers what comes while a write is under way, so that it is written together. */

interface Waiting<Item> {
  readonly group: string;
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Items of a group (a file, a topic) are written together, in the order in which they came, one write at a time. */
export class Gatherer<Item> {
  #waiting: Waiting<Item>[] = [];
  #writing: Promise<void> | undefined;

  /**
   * `write` may tell, as it goes, that so many more of the items, from the first on, are written for good: should it
   * fail then, only those behind them are not.
   */
  constructor(
    readonly write: (
      group: string,
      items: readonly Item[],
      written: (count: number) => void,
    ) => Promise<void>,
  ) {}

  /** Resolves when the item is written; rejects with what its write was rejected with. */
  add(group: string, item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ group, item, resolve, reject });
      this.#writing ??= this.#writeAll().finally(() => {
        this.#writing = undefined;
      });
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    // What comes in the same turn of the event loop goes along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const all = this.#waiting;
      this.#waiting = [];
      for (const [group, waiting] of Map.groupBy(all, (one) => one.group)) {
        try {
          const items = waiting.map(({ item }) => item);
          await this.write(group, items, (count) => {
            for (const { resolve } of waiting.splice(0, count)) resolve();
          });
          for (const { resolve } of waiting) resolve();
        } catch (error) {
          for (const { reject } of waiting) reject(error);
        }
      }
    }
  }
}
