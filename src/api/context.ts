/** What the resources of the API work with. */
import type { CatalogJobs } from "../catalogs/index.ts";
import type { Drawing } from "../cutouts/index.ts";
import type { Filters } from "../filters/index.ts";
import type { LiveFeed } from "../sinks/index.ts";
import type { Store } from "../store/index.ts";
import type { Health, Log, Metrics } from "../telemetry/index.ts";
import type { Accounts } from "./accounts.ts";
import type { LoginAttempts } from "./attempts.ts";
import type { Identities } from "./identity.ts";
import type { SavedQueries } from "./queries/saved.ts";
import type { DownloadRules } from "./skymaps/download.ts";

export interface ApiContext {
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly accounts: Accounts;
  readonly filters: Filters;
  readonly catalogs: {
    readonly jobs: CatalogJobs;
    /** Of the files that may be loaded. */
    readonly folder: string;
  };
  readonly drawing: Drawing;
  /** Matches as they come. */
  readonly feed: LiveFeed;
  readonly identities: Identities;
  readonly attempts: LoginAttempts;
  readonly saved: SavedQueries;
  /** From where skymaps may be fetched. */
  readonly downloads: DownloadRules;
  readonly maxBodyBytes: number;
  /** Longest time a query may take, milliseconds. */
  readonly maxTimeMs: number;
  /** Resolves when the administrator's account is as configured. */
  readonly accountsReady: Promise<void>;
  /** Address of the client, seen through trusted proxies. */
  addressOf(request: Request): string;
}
