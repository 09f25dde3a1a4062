/** Machine-learning scores of alerts. */
export { ModelError, type ModelSettings } from "./model.ts";
export { modelSettings, prepareScores, runtimeText } from "./prepare.ts";
export { type Rescored, type RescoreOptions, rescore, rescoreFilter } from "./rescore.ts";
export { chooseRuntime, type RuntimeChoice } from "./runtime.ts";
export { type Scorable, Scorer, type ScoreSettings } from "./scorer.ts";
export { type ScoreCounts, type ScoreNews, ScoreTally } from "./tally.ts";
