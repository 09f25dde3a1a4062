/**
 * The order in which batches are filtered and written.
 *
 * Batches are written one after the other. A batch's filters see what all batches before it left in the store: of the
 * one that is being written that is nothing, where the two share no object and no alert, so it is filtered meanwhile.
 * Else the filters would wait for the disk, and the disk for the filters.
 */

/** Which objects and alerts a batch has. */
export type Names = ReadonlySet<string>;

/** What is done with a batch in its turn. */
export interface TurnWork<F, W> {
  readonly filter: () => Promise<F>;
  readonly write: (filtered: F) => Promise<W>;
}

interface Turn {
  readonly names: Names;
  /** Resolves when all turns before this one are over, whatever became of them. */
  readonly before: Promise<void>;
  /** Resolves when this one is over too. */
  readonly over: Promise<void>;
}

const NOBODY: Turn = { names: new Set(), before: Promise.resolve(), over: Promise.resolve() };

/** Turns in as many orders as there are keys. */
export class Turns<K> {
  readonly #last = new Map<K, Turn>();

  /** Takes the next turn for a batch with these names; resolves when it is written, rejects with what failed. */
  take<F, W>(key: K, names: Names, { filter, write }: TurnWork<F, W>): Promise<W> {
    const previous = this.#last.get(key) ?? NOBODY;
    const filtered = previous.before
      .then(() => (isDisjoint(names, previous.names) ? undefined : previous.over))
      .then(filter);
    // A failure is met in the turn of the write; until then it is no unhandled one.
    filtered.catch(() => undefined);
    const written = previous.over.then(() => filtered).then(write);
    const over = written.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, { names, before: previous.over, over });
    return written;
  }
}

function isDisjoint(names: Names, others: Names): boolean {
  for (const name of names) if (others.has(name)) return false;
  return true;
}
