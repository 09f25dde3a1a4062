/** Which of the catalogues that objects are matched with are there: for the log and for `check`. */
import type { Store } from "../../store/index.ts";
import { crossMatchRules } from "./rules.ts";
import type { CrossMatchConfig } from "./settings.ts";

const MAX_TIME_MS = 60_000;

/** The catalogues of one survey. */
export interface SurveyCatalogs {
  readonly survey: string;
  readonly loaded: readonly string[];
  /** Absent or empty: their lists of matches stay empty. */
  readonly missing: readonly string[];
  /** Those of `missing` that the configuration names. */
  readonly missingConfigured: readonly string[];
}

/** Looks into the store for the catalogues of every survey. Throws `CrossMatchError` for a wrong rule. */
export async function surveyCatalogs(store: Store, config: CrossMatchConfig): Promise<SurveyCatalogs[]> {
  const rules = crossMatchRules(config);
  const names = new Set(await store.collectionNames());
  // A row is looked for: the count that a server keeps is wrong after it was killed.
  const first = { filter: {}, projection: { _id: 1 }, maxTimeMs: MAX_TIME_MS };
  const filled = async (catalog: string) =>
    names.has(catalog) && (await store.findOne({ ...first, collection: catalog })) !== undefined
      ? [catalog]
      : [];
  return Promise.all(
    [...rules].map(async ([survey, list]) => {
      const catalogs = list.map(({ catalog }) => catalog);
      const loaded = (await Promise.all(catalogs.map(filled))).flat();
      const missing = catalogs.filter((catalog) => !loaded.includes(catalog));
      const missingConfigured = missing.filter((catalog) => config[survey]?.[catalog] !== undefined);
      return { survey, loaded, missing, missingConfigured };
    }),
  );
}

/** In words: `ZTF: 2 of 14 catalogues loaded; without: AllWISE, …`. */
export function describeCatalogs({ survey, loaded, missing }: SurveyCatalogs): string {
  const count = `${survey}: ${loaded.length} of ${loaded.length + missing.length} catalogues loaded`;
  return missing.length === 0 ? count : `${count}; no matches with ${missing.join(", ")}`;
}
