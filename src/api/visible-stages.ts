/** Pipelines of restricted users: what they join is narrowed to their programs, at any nesting. */
import { type Document, isDocument, type Value } from "../query/index.ts";
import { type Survey, surveys } from "../surveys/index.ts";
import { forbidden } from "./errors.ts";
import type { User } from "./identity.ts";
import { visiblePrograms } from "./visibility.ts";

/** Histories whose rows have program ids of their own. */
const HISTORIES = ["prv_candidates", "fp_hists"];
/** Holds whether the user may see an alert of the object, and is taken away again. */
const SEEN = "__visible_alerts";

interface Restriction {
  readonly survey: Survey;
  readonly visible: Document;
  readonly programs: readonly number[];
}

/** Narrows every join of these stages, which are parsed and so well formed. Throws `HttpError` 403. */
export function visibleStages(user: User, stages: readonly Document[]): readonly Document[] {
  const restrictions = surveys.flatMap((survey): Restriction[] => {
    const programs = visiblePrograms(user, survey);
    if (programs === undefined || survey.programPath === undefined) return [];
    return [{ survey, programs, visible: { [survey.programPath]: { $in: [...programs] } } }];
  });
  return restrictions.length === 0 ? stages : stages.map((stage) => narrowed(stage, restrictions));
}

/** Puts a condition before all stages; a `$geoNear`, which must stay the first, takes it in. */
export function matchedFirst(condition: Document, stages: readonly Document[]): Document[] {
  const near = stages[0]?.["$geoNear"];
  if (!isDocument(near)) return [{ $match: condition }, ...stages];
  const query = isDocument(near["query"]) ? near["query"] : {};
  return [{ $geoNear: { ...near, query: { $and: [condition, query] } } }, ...stages.slice(1)];
}

function narrowed(stage: Document, restrictions: readonly Restriction[]): Document {
  const { $lookup: lookup, $graphLookup: graph, $facet: facet } = stage;
  if (isDocument(facet)) {
    const inner = Object.entries(facet).map(([name, stages]) => [name, narrowedList(stages, restrictions)]);
    return { $facet: Object.fromEntries(inner) };
  }
  if (isDocument(lookup)) return { $lookup: narrowedLookup(lookup, restrictions) };
  if (isDocument(graph)) return { $graphLookup: narrowedGraph(graph, restrictions) };
  return stage;
}

function narrowedList(stages: Value | undefined, restrictions: readonly Restriction[]): Document[] {
  return Array.isArray(stages) ? stages.filter(isDocument).map((stage) => narrowed(stage, restrictions)) : [];
}

function narrowedLookup(lookup: Document, restrictions: readonly Restriction[]): Document {
  const { from, pipeline } = lookup;
  const stages = narrowedList(pipeline, restrictions);
  for (const restriction of restrictions) {
    const { alerts, aux, cutouts } = restriction.survey.collections;
    if (from === alerts) return { ...lookup, pipeline: matchedFirst(restriction.visible, stages) };
    if (from === aux) return { ...lookup, pipeline: [...onlyVisibleHistory(restriction), ...stages] };
    if (from === cutouts) throw beyond(cutouts);
  }
  return pipeline === undefined ? lookup : { ...lookup, pipeline: stages };
}

function narrowedGraph(graph: Document, restrictions: readonly Restriction[]): Document {
  const { from, restrictSearchWithMatch: given } = graph;
  for (const { survey, visible } of restrictions) {
    const { alerts, aux, cutouts } = survey.collections;
    if (from === aux || from === cutouts) throw beyond(from);
    if (from !== alerts) continue;
    return { ...graph, restrictSearchWithMatch: { $and: [visible, isDocument(given) ? given : {}] } };
  }
  return graph;
}

/** Objects with an alert that the user may see, and of their histories the rows that the user may see. */
function onlyVisibleHistory({ survey, visible, programs }: Restriction): Document[] {
  const rows = HISTORIES.map((field) => [
    field,
    {
      $cond: [
        { $isArray: `$${field}` },
        { $filter: { input: `$${field}`, as: "row", cond: { $in: ["$$row.programid", [...programs]] } } },
        "$$REMOVE",
      ],
    },
  ]);
  const seen = {
    from: survey.collections.alerts,
    localField: "_id",
    foreignField: "objectId",
    pipeline: [{ $match: visible }, { $limit: 1 }, { $project: { _id: 1 } }],
    as: SEEN,
  };
  return [
    { $lookup: seen },
    { $match: { [`${SEEN}.0`]: { $exists: true } } },
    { $project: { cross_matches: 1, ...Object.fromEntries(rows) } },
  ];
}

const beyond = (collection: string) =>
  forbidden(`${collection} holds proprietary data beyond your programs and cannot be joined`);
