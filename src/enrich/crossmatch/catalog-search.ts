/** Looks into catalogues for the rows around many positions at once. */
import type { Document } from "../../query/index.ts";
import type { CatalogReader, CatalogState, Cone } from "../../store/index.ts";
import { matchesOf, type Target } from "./matches.ts";
import type { MatchRule } from "./rules.ts";
import { placeName, SkyIndexes } from "./sky-index.ts";

/** The catalogues of one store as one thread reads them. */
export class CatalogSearch {
  readonly #indexes: SkyIndexes;

  constructor(
    readonly catalogs: CatalogReader,
    dataDir: string,
  ) {
    this.#indexes = new SkyIndexes(dataDir);
  }

  /**
   * The matches of each target by the name of the catalogue. What has none has `nothing`, or its list of that
   * catalogue. `states` are of the rules' catalogues; those that are not there are left out.
   */
  async matches(
    rules: readonly MatchRule[],
    targets: readonly Target[],
    states: ReadonlyMap<string, CatalogState>,
    nothing: Document,
  ): Promise<Document[]> {
    // One list for all catalogues with the same radius: stores look up the cells of its cones once.
    const conesOf = memoized((radius: number) =>
      targets.map(({ ra, dec }): Cone => ({ longitude: ra - 180, latitude: dec, radius })),
    );
    const found = await Promise.all(
      rules.map((rule) => this.#rowsFor(rule, targets, states.get(rule.catalog), conesOf)),
    );
    const matches = targets.map(() => nothing);
    rules.forEach((rule, number) => {
      const rows = found[number];
      if (rows === undefined) return;
      matchesOf(rule, targets, rows).forEach((list, index) => {
        if (list.length > 0) matches[index] = { ...(matches[index] ?? nothing), [rule.catalog]: list };
      });
    });
    return matches;
  }

  /** The rows near any of the targets: found in the catalogue's index, or else by the store. */
  async #rowsFor(
    { catalog, radius }: MatchRule,
    targets: readonly Target[],
    state: CatalogState | undefined,
    conesOf: (radius: number) => readonly Cone[],
  ): Promise<Document[] | undefined> {
    // An empty catalogue is none: the near galaxies are matched where galaxies are loaded.
    if (state === undefined || state.rows === 0) return undefined;
    const index = this.#indexes.of(catalog, state);
    if (index !== undefined) {
      const { keys, positions } = index.rowsNear(targets, radius);
      const rows = await this.catalogs.rows(catalog, keys);
      // A catalogue that was replaced a moment ago has other rows under these keys, or none.
      if (rows.length === keys.length && rows.every((row) => positions.has(placeName(row) ?? "")))
        return rows;
    }
    return this.catalogs.rowsNear(catalog, conesOf(radius));
  }
}

function memoized<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    const known = made.get(key) ?? make(key);
    made.set(key, known);
    return known;
  };
}
