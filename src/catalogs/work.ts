/** Long work on catalogues that a server is asked for, and what is told of it between threads. */
import type { StoreSettings } from "../store/index.ts";
import type { FoundBadRow, LoadRequest, LoadState, LoadTotals } from "./load.ts";

export type CatalogWork =
  | { readonly type: "load"; readonly request: LoadRequest }
  | { readonly type: "index"; readonly name: string; readonly fields: readonly string[] }
  | { readonly type: "drop"; readonly name: string };

export type WorkMessage =
  | { readonly type: "start"; readonly work: CatalogWork; readonly settings: StoreSettings }
  | { readonly type: "stop" };

export type WorkAnswer =
  | { readonly type: "progress"; readonly state: Partial<LoadState> }
  | { readonly type: "bad-row"; readonly row: FoundBadRow }
  | { readonly type: "note"; readonly text: string }
  /** `existed`: whether there was what was to be removed, or no such index. */
  | { readonly type: "done"; readonly totals?: LoadTotals; readonly existed?: boolean }
  | { readonly type: "failed"; readonly name: string; readonly message: string };
