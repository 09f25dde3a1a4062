/** `aggregate`: documents that a pipeline makes of a catalogue. */
import { collectionsOf, type Document, isDocument, parsePipeline } from "../../query/index.ts";
import { badRequest, forbidden } from "../errors.ts";
import type { User } from "../identity.ts";
import { isRestricted, refuseExplain, refuseSystemCollection, visibleFilter } from "../visibility.ts";
import { matchedFirst, visibleStages } from "../visible-stages.ts";
import { readLiteral } from "./literal.ts";
import { catalogOf, commonOptions, DONE, flagOption, integerOption, type QueryType } from "./request.ts";

/** Stages that nobody may use, and those that users may not, with the reason that the error gives. */
const FORBIDDEN = {
  $out: "queries only read",
  $merge: "queries only read",
};
const FORBIDDEN_TO_USERS = { ...FORBIDDEN, $unionWith: "it is for administrators" };

export const aggregate: QueryType = {
  name: "aggregate",
  explains: true,
  summary:
    "documents that a `pipeline` makes of a catalogue; `kwargs.explain` tells the index and what each stage let through instead",
  async run(query, kwargs, context) {
    const { user, store } = context;
    const collection = catalogOf(query);
    const given = stagesOf(query);
    const forbid = user.isAdministrator ? FORBIDDEN : FORBIDDEN_TO_USERS;
    // What is wrong is named by its place in the pipeline as it was sent, before anything is added to it.
    const parsed = parsePipeline(given, { path: "query.pipeline", forbid });
    const touched = [collection, ...collectionsOf(parsed)];
    for (const joined of touched) refuseSystemCollection(user, joined);
    // The server may move stages before the one that hides alerts, and tell of their values in errors.
    if (store.kind === "mongo" && isRestricted(user, touched)) {
      throw forbidden(
        "aggregate is not available to users who may not see all alerts, on a MongoDB store: use find",
      );
    }
    // Answers are streamed in pieces of a size that suits: the client's wish is checked and left at that.
    const batchSize = integerOption(kwargs, "batchSize");
    if (batchSize !== undefined && batchSize < 0) throw badRequest("kwargs.batchSize: expected 0 or more");
    const request = {
      collection,
      pipeline: visiblePipeline(user, collection, given),
      allowDiskUse: flagOption(kwargs, "allowDiskUse") ?? true,
      ...commonOptions(kwargs, context),
    };
    if (flagOption(kwargs, "explain") !== true) {
      return { message: DONE, items: store.aggregate(request).json() };
    }
    refuseExplain(user, touched);
    const explanation = await store.explainAggregate(request);
    return { message: DONE, data: { ...explanation } as unknown as Document };
  },
};

function stagesOf(query: Document): Document[] {
  const { pipeline } = query;
  const value = typeof pipeline === "string" ? readLiteral(pipeline, "query.pipeline") : pipeline;
  if (Array.isArray(value) && value.every(isDocument)) return value;
  throw badRequest("query.pipeline: expected a list of stages, or such a list as text");
}

/** The pipeline over what the user may see of the collection, and of those that it joins. */
function visiblePipeline(user: User, collection: string, stages: readonly Document[]): readonly Document[] {
  const visible = visibleFilter(user, collection, {});
  const narrowed = visibleStages(user, stages);
  return Object.keys(visible).length === 0 ? narrowed : matchedFirst(visible, narrowed);
}
