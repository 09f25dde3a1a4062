/** Filters: their documents, their run on every alert, and what they match. What other rooms import. */
export type { Author, FilterDocument, FilterVersion } from "./definition.ts";
export { FilterError, type FilterErrorKind } from "./errors.ts";
export { Filters, type FiltersOptions, type SavedFilter } from "./filters.ts";
export { type Autosave, type Followup, type Match, matchId, matchOf, outboxEntryOf } from "./match.ts";
export { type BrokenFilter, FilterRegistry, type Tallies } from "./registry.ts";
export { FILTER_REPORTS, type FilterReport, FilterReports, readReports } from "./reports.ts";
export {
  readSavedTry,
  readUnsavedTry,
  type TryRequest,
  visible,
} from "./requests.ts";
export { filterBatch } from "./run.ts";
export { julianDate } from "./selection.ts";
export type { NamedStages, TrialScope, TrialSummary } from "./trial.ts";
export { Trials, type TrialWatcher } from "./trials.ts";
