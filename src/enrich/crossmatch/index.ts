/** Cross-matches: what of catalogues lies around objects. */
export { type BuildResult, buildSkyIndex } from "./build-index.ts";
export { IndexKeeper } from "./index-keeper.ts";
export { describeCatalogs, type SurveyCatalogs, surveyCatalogs } from "./loaded.ts";
export { CrossMatcher } from "./matcher.ts";
export { type RematchResult, rematch } from "./rematch.ts";
export { CrossMatchError, crossMatchRules } from "./rules.ts";
export type { CrossMatchConfig, CrossMatchSettings } from "./settings.ts";
