/** Opens the store that the configuration names, and the filters in it. */
import type { Config } from "../config/index.ts";
import { Filters, Trials } from "../filters/index.ts";
import { openEmbeddedStore, type Store } from "../store/index.ts";
import { CommandError } from "./errors.ts";

/** The configured store, for queries and small documents. Throws `StoreError` or `CommandError`. */
export async function openStore(config: Config): Promise<Store> {
  if (config.store !== "embedded") {
    throw new CommandError("store: this version keeps alerts in the embedded store only; leave --store out");
  }
  const { readers } = config.queries;
  return openEmbeddedStore({ dataDir: config.data_dir, ...(readers === 0 ? {} : { readers }) });
}

/** The filters of a store, with the limits of the configuration. */
export function openFilters(store: Store, config: Config): Filters {
  const { max_share: maxShare, min_matches: minMatches } = config.filters;
  return new Filters(store, { trials: new Trials(config.data_dir), maxShare, minMatches });
}
