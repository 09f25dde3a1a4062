/** Cross-matches: what of catalogues lies around objects. */
export { describeCatalogs, type SurveyCatalogs, surveyCatalogs } from "./loaded.ts";
export { CrossMatcher } from "./matcher.ts";
export { type CrossMatchConfig, CrossMatchError, crossMatchRules } from "./rules.ts";
