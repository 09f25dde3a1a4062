/** The kinds of random cases: which documents, and which query over them. */
import type { Document } from "../../../src/query/index.ts";
import { operatorsIn, type Query } from "./cases.ts";
import { anyDocuments, typedDocuments } from "./documents.ts";
import { anyExpression } from "./expressions.ts";
import { anyFilter, anyProjection, anySort, hasByteMask } from "./find-queries.ts";
import { anyGeoNear, anyGeoTest, anyNearFilter, anyStoredPosition, placedDocuments } from "./geo.ts";
import { anyPipeline } from "./pipelines.ts";
import type { Random } from "./random.ts";

export interface CaseKind {
  /** `first` is the least `_id`. */
  readonly documents: (random: Random, count: number, first?: number) => Document[];
  readonly query: (random: Random, documents: readonly Document[]) => Query;
  /** Whether the server looks positions up in indexes. */
  readonly indexed?: boolean;
}

export const KINDS: Readonly<Record<string, CaseKind>> = {
  filter: {
    documents: anyDocuments,
    query: (random, documents) => ({
      kind: "find",
      filter: anyFilter(random, documents),
      projection: { _id: 1 },
    }),
  },
  geo: { documents: positions, query: geoQuery },
  sort: {
    documents: anyDocuments,
    query: (random, documents) => ({
      kind: "find",
      filter: {},
      projection: { _id: 1 },
      sort: anySort(random, documents),
    }),
  },
  projection: {
    documents: anyDocuments,
    query(random, documents) {
      const filter = random.chance(0.6) ? {} : anyFilter(random, documents, 1);
      const projection = anyProjection(random, documents);
      return { kind: "find", filter, projection: hasByteMask([filter, projection]) ? {} : projection };
    },
  },
  near: {
    documents: placedDocuments,
    indexed: true,
    query: nearQuery,
  },
  geoNear: { documents: placedDocuments, indexed: true, query: geoNearQuery },
  expression: { documents: mixedDocuments, query: expressionQuery },
  pipeline: {
    documents: mixedDocuments,
    query: (random, documents) => anyPipeline(random, documents, false),
  },
  window: { documents: mixedDocuments, query: (random, documents) => anyPipeline(random, documents, true) },
};

function positions(random: Random, count: number, first = 0): Document[] {
  return Array.from({ length: count }, (_, i) => ({ _id: first + i, p: anyStoredPosition(random) }));
}

function geoQuery(random: Random): Query {
  const operator = random.pick(["$geoWithin", "$geoIntersects"] as const);
  const test: Document = { [operator]: anyGeoTest(random, operator) };
  const filter = { p: random.chance(0.1) ? { $not: test } : test };
  return { kind: "find", filter, projection: { _id: 1 } };
}

/** Nearest first, or in the order of a sort: shapes are looked up in no certain order. */
function nearQuery(random: Random): Query {
  const filter = anyNearFilter(random);
  const isNear = ["$near", "$nearSphere"].some((name) => operatorsIn(filter).has(name));
  return {
    kind: "find",
    filter,
    projection: { _id: 1 },
    ...(random.chance(isNear ? 0.2 : 1) && { sort: { _id: -1 } }),
    ...(random.chance(0.2) && { limit: random.int(1, 4) }),
    ...(random.chance(0.1) && { skip: random.int(1, 4) }),
  };
}

function geoNearQuery(random: Random): Query {
  const following = random.list(0, 2, () =>
    random.pick<Document>([
      { $limit: random.int(1, 4) },
      { $skip: random.int(1, 3) },
      { $match: { n: random.int(0, 3) } },
      { $project: { o: 0 } },
      { $set: { far: { $gt: ["$d", 1e6] } } },
    ]),
  );
  return { kind: "aggregate", pipeline: [{ $geoNear: anyGeoNear(random) }, ...following] };
}

function mixedDocuments(random: Random, count: number, first = 0): Document[] {
  return random.chance(0.8) ? typedDocuments(random, count, first) : anyDocuments(random, count, first);
}

/** One document at a time as often as all: an error on one of many hides the others. */
function expressionQuery(random: Random, documents: readonly Document[]): Query {
  const expression = anyExpression(random, documents, random.int(1, 3));
  const which: Document[] = random.chance(0.5)
    ? [{ $match: { _id: random.int(0, documents.length - 1) } }]
    : [];
  const condition = random.chance(0.15);
  const stages: Document[] = condition
    ? [{ $match: { $expr: expression } }, { $project: { _id: 1 } }]
    : [{ $project: { r: expression } }];
  return { kind: "aggregate", pipeline: [...which, ...stages] };
}
