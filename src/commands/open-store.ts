/** Opens the store that the configuration names, and the filters in it. */
import { join, resolve } from "node:path";
import type { Config } from "../config/index.ts";
import type { CrossMatchSettings } from "../enrich/crossmatch/index.ts";
import { Filters, Trials } from "../filters/index.ts";
import { openStore, type Store, type StoreSettings } from "../store/index.ts";

/** Where alerts are kept. */
export function storeSettings({ store, data_dir: dataDir, database }: Config): StoreSettings {
  if (store === "embedded") return { kind: "embedded", dataDir };
  const { username, password, allow_standalone: allowStandalone } = database;
  const { auth_source: authSource, tls, tls_ca: tlsCa, tls_certificate_key: tlsCertificateKey } = database;
  return {
    kind: "mongo",
    url: store,
    allowStandalone,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(authSource === undefined ? {} : { authSource }),
    tls,
    ...(tlsCa === undefined ? {} : { tlsCa }),
    ...(tlsCertificateKey === undefined ? {} : { tlsCertificateKey }),
  };
}

/** With which catalogues objects are matched, and where their indexes are kept. */
export function crossMatchSettings({
  cross_matches: catalogs,
  data_dir: dataDir,
}: Config): CrossMatchSettings {
  return { catalogs, dataDir };
}

/** Where downloads are kept until they are read. */
export function downloadsFolder({ data_dir: dataDir }: Config): string {
  return join(dataDir, "downloads");
}

/** Where the files lie that administrators may load over HTTP. */
export function catalogsFolder({ data_dir: dataDir, catalogs: { folder } }: Config): string {
  return resolve(folder === "" ? join(dataDir, "incoming") : folder);
}

/**
 * The configured store, for queries and small documents; a server is looked for so many milliseconds, when given.
 * Throws `StoreError`.
 */
export function openConfiguredStore(
  config: Config,
  server: { readonly selectionTimeoutMs?: number } = {},
): Promise<Store> {
  const { readers } = config.queries;
  return openStore({ ...storeSettings(config), ...server }, readers === 0 ? {} : { readers });
}

/** The filters of a store, with the limits of the configuration. */
export function openFilters(store: Store, config: Config): Filters {
  const { max_share: maxShare, min_matches: minMatches } = config.filters;
  return new Filters(store, { trials: new Trials(storeSettings(config)), maxShare, minMatches });
}
