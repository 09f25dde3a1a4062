/** What cross-matching is told: plain values, to travel between threads. */
import type { Config } from "../../config/index.ts";

/** The section `cross_matches` of the configuration. */
export type CrossMatchConfig = Config["cross_matches"];

export interface CrossMatchSettings {
  readonly catalogs: CrossMatchConfig;
  /** Where the indexes of catalogues are kept. */
  readonly dataDir: string;
}
