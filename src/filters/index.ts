/** Filters: their documents, their run on every alert, and what they match. What other rooms import. */
export { type Autosave, type Followup, type Match, matchId, matchOf, outboxEntryOf } from "./match.ts";
