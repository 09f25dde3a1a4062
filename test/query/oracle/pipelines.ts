/** Random pipelines. */
import { type Document, double, isDocument, setField, type Value } from "../../../src/query/index.ts";
import { STAGES } from "../../../src/query/stages/index.ts";
import { $densify, $fill, $setWindowFields } from "./along.ts";
import type { Query } from "./cases.ts";
import { anyPath, anyScalar, fieldName } from "./documents.ts";
import { ExpressionMaker, type Kind, literal } from "./expressions.ts";
import { anyFilter, hasByteMask } from "./find-queries.ts";
import type { Random } from "./random.ts";

type MakeStage = (builder: PipelineBuilder) => Value;

/** Stages that look along an order; pipelines with them are a kind of their own. */
const ALONG = new Set(["$setWindowFields", "$densify", "$fill"]);

/** A pipeline of up to four stages; `along` says whether stages that look along an order may be among them. */
export function anyPipeline(random: Random, documents: readonly Document[], along: boolean): Query {
  const builder = new PipelineBuilder(random, documents, along);
  const pipeline = builder.stages(random.int(1, 4));
  return { kind: "aggregate", pipeline, ...(!builder.ordered && { anyOrder: true }) };
}

export class PipelineBuilder {
  /** Whether the documents come in an order that the server promises, here. */
  ordered = true;
  /** Whether each document still has an `_id` of its own, by which it can be sorted. */
  identified = true;
  /** Whether the answer stands inside another document, where it cannot be sorted. */
  inside = false;
  readonly maker: ExpressionMaker;

  constructor(
    readonly random: Random,
    readonly documents: readonly Document[],
    readonly along: boolean,
  ) {
    this.maker = new ExpressionMaker(random, documents);
  }

  stages(count: number): Document[] {
    return Array.from({ length: count }, (): Document[] => {
      const names = Object.keys(STAGE_MAKERS).filter(
        (name) =>
          STAGES.has(name) && (this.along || !ALONG.has(name)) && (this.ordered || INDEPENDENT.has(name)),
      );
      const name = this.random.pick(names);
      const argument = STAGE_MAKERS[name]?.(this) ?? null;
      // Documents that sort alike come in no certain order.
      if (SORTING.has(name) && !this.identified) this.ordered = false;
      if (changesIds(name, argument)) this.identified = false;
      const stage = { [name]: this.random.chance(0.01) ? anyScalar(this.random) : argument };
      return name === "$graphLookup" ? [stage, SORT_REACHED] : [stage];
    }).flat();
  }

  expression(kind: Kind = "any", depth = 1): Value {
    return this.maker.make(kind, depth);
  }

  /** A path that may stand behind a `$`. */
  path(): string {
    for (;;) {
      const path = anyPath(this.random, this.documents);
      if (!/(^|\.)(\$|$)/.test(path) && !path.includes("..") && path !== "") return path;
    }
  }

  fields(low: number, high: number, make: () => Value): Document {
    const made: Document = {};
    for (let i = this.random.int(low, high); i > 0; i--)
      setField(made, this.random.chance(0.5) ? this.path() : fieldName(this.random), make());
    return made;
  }
}

/** Stages that treat each document by itself: they may follow where the order is not known. */
const INDEPENDENT = new Set([
  "$match",
  "$project",
  "$addFields",
  "$set",
  "$unset",
  "$replaceRoot",
  "$replaceWith",
  "$unwind",
  "$count",
]);

/** What a `$graphLookup` reaches comes in no certain order. */
const SORT_REACHED: Document = {
  $set: { reached: { $sortArray: { input: "$reached", sortBy: { _id: 1 } } } },
};

/** Stages that sort. */
const SORTING = new Set(["$sort", "$setWindowFields", "$densify", "$fill"]);

/** Whether several documents may have the same `_id`, or none, behind a stage. */
function changesIds(name: string, argument: Value): boolean {
  if (["$unwind", "$replaceRoot", "$replaceWith", "$densify"].includes(name)) return true;
  if (name === "$unset") return [argument].flat().some((path) => /^_id/.test(String(path)));
  if (!["$project", "$addFields", "$set", "$setWindowFields", "$fill"].includes(name)) return false;
  return isDocument(argument) && Object.keys(argument).some((path) => path.startsWith("_id"));
}

const STAGE_MAKERS: Readonly<Record<string, MakeStage>> = {
  $match: ({ random, documents }) => {
    const filter = anyFilter(random, documents, 1);
    return hasByteMask(filter) ? {} : filter;
  },
  $project,
  $addFields: addFields,
  $set: addFields,
  $unset: (builder) =>
    builder.random.chance(0.5) ? builder.path() : builder.random.list(1, 2, () => builder.path()),
  $replaceRoot: (builder) => ({ newRoot: newRoot(builder) }),
  $replaceWith: newRoot,
  $unwind,
  $limit: ({ random }) => random.pick<Value>([1, 2, 5, 3n, double(2), 0, -1, 1.5]),
  $skip: ({ random }) => random.pick<Value>([0, 1, 2, 3n, double(2), -1, 1.5]),
  $sort: (builder) => ({ ...builder.fields(1, 2, () => builder.random.pick([1, -1])), _id: 1 }),
  $count: ({ random }) => random.pick<Value>(["n", "n", "count", "", "$n", "a.b"]),
  $group,
  $sortByCount(builder) {
    builder.ordered = false;
    return builder.expression();
  },
  $bucket,
  $bucketAuto,
  $facet,
  $redact: (builder) =>
    builder.random.pick<Value>([
      "$$KEEP",
      "$$PRUNE",
      "$$DESCEND",
      { $cond: [builder.expression("boolean"), "$$DESCEND", "$$PRUNE"] },
    ]),
  $setWindowFields,
  $densify,
  $fill,
  $unionWith(builder) {
    return builder.random.chance(0.5) ? "other" : { coll: "other", pipeline: nested(builder) };
  },
  $lookup,
  $graphLookup,
};

function $project(builder: PipelineBuilder): Value {
  const { random } = builder;
  const include = random.chance(0.6);
  const made = builder.fields(1, 3, () => {
    if (include && random.chance(0.5)) return builder.expression("any", 2);
    return include ? random.pick<Value>([1, true, 1]) : random.pick<Value>([0, false, 0]);
  });
  if (random.chance(0.2)) made["_id"] = random.pick<Value>([0, 1, "$a"]);
  return made;
}

function addFields(builder: PipelineBuilder): Value {
  return builder.fields(1, 2, () => builder.expression("any", 2));
}

/** These are no documents, and the server ends where one of their operands is a constant. */
const LOGICAL = ["$and", "$or"];

function newRoot(builder: PipelineBuilder): Value {
  const { random } = builder;
  if (random.chance(0.5)) return { $mergeObjects: ["$$ROOT", builder.expression("object")] };
  for (;;) {
    const root = builder.expression("object", 2);
    if (!isDocument(root) || !LOGICAL.some((name) => name in root)) return root;
  }
}

function $unwind(builder: PipelineBuilder): Value {
  const { random } = builder;
  const path = `$${random.chance(0.5) ? random.pick(["l", "m", "a", "b", "m.x"]) : builder.path()}`;
  if (random.chance(0.5)) return path;
  return {
    path,
    ...(random.chance(0.5) && { preserveNullAndEmptyArrays: random.chance(0.7) }),
    ...(random.chance(0.5) && { includeArrayIndex: random.pick(["at", "a", "o.at", "$x"]) }),
  };
}

const ACCUMULATORS: readonly (readonly [name: string, kind: Kind])[] = [
  ["$sum", "number"],
  ["$avg", "number"],
  ["$min", "any"],
  ["$max", "any"],
  ["$first", "any"],
  ["$last", "any"],
  ["$push", "any"],
  ["$addToSet", "integer"],
  ["$stdDevPop", "number"],
  ["$stdDevSamp", "number"],
  ["$mergeObjects", "object"],
];

/** Of plain fields and constants: which of an expression's errors are met depends on what the server skips. */
export function accumulator(builder: PipelineBuilder): Value {
  const depth = 0;
  const { random } = builder;
  return random.weighted<Value>([
    [
      8,
      () => {
        const [name, kind] = random.pick(ACCUMULATORS);
        // The order within a set is not promised: a set of one value has none.
        return {
          [name]: name === "$addToSet" ? literal(random, "integer") : builder.expression(kind, depth),
        };
      },
    ],
    [0.5, () => ({ $count: {} })],
    [
      1,
      () => ({
        [random.pick(["$firstN", "$lastN", "$maxN", "$minN"])]: {
          input: builder.expression("any", depth),
          n: random.pick<Value>([1, 2, 3n]),
        },
      }),
    ],
    [
      1,
      () => ({
        [random.pick(["$top", "$bottom"])]: {
          sortBy: { n: 1, _id: -1 },
          output: builder.expression("any", depth),
        },
      }),
    ],
    [
      0.5,
      () => ({
        [random.pick(["$topN", "$bottomN"])]: {
          n: 2,
          sortBy: { s: -1, _id: 1 },
          output: builder.expression("any", depth),
        },
      }),
    ],
  ]);
}

function outputs(builder: PipelineBuilder, low = 0): Document {
  const made: Document = {};
  for (const name of builder.random.shuffle(["p", "q", "r"]).slice(0, builder.random.int(low, 2)))
    made[name] = accumulator(builder);
  return made;
}

function $group(builder: PipelineBuilder): Value {
  const { random } = builder;
  builder.ordered = false;
  const id = random.weighted<Value>([
    [3, () => builder.expression("any", 1)],
    [1, () => null],
    [1, () => ({ k: builder.expression("string"), l: builder.expression("boolean") })],
    [1, () => "$i"],
  ]);
  return { _id: id, ...outputs(builder) };
}

function $bucket(builder: PipelineBuilder): Value {
  const { random } = builder;
  return {
    groupBy: builder.expression("number"),
    boundaries: random.pick<Value>([
      [0, 1, 5],
      [double(-1000), 0, 1n, 1000],
      [0, 0],
      [5, 1],
      ["a", "b"],
      [-1e9, 1e9],
    ]),
    ...(random.chance(0.8) && { default: random.pick<Value>(["other", 1000000, 0]) }),
    ...(random.chance(0.5) && { output: outputs(builder, 1) }),
  };
}

/** `i`, and 1 in the place of an infinity. */
const FINITE_I = { $cond: [{ $in: ["$i", [double(Infinity), double(-Infinity)]] }, 1, "$i"] };

function $bucketAuto(builder: PipelineBuilder): Value {
  const { random } = builder;
  const granularity = random.chance(0.2) && random.pick(["R5", "E6", "POWERSOF2", "1-2-5", "x"]);
  return {
    // The server rounds infinities to a power of two that is 0.
    groupBy:
      granularity === "POWERSOF2"
        ? FINITE_I
        : builder.expression(random.pick<Kind>(["number", "string", "any"])),
    buckets: random.pick<Value>([1, 2, 3, 2n, double(2), 0, 1.5]),
    ...(random.chance(0.3) && { output: { n: { $sum: 1 } } }),
    ...(granularity && { granularity }),
  };
}

function nested(builder: PipelineBuilder): Document[] {
  const { ordered, identified, inside } = builder;
  for (;;) {
    Object.assign(builder, { ordered: true, identified, inside: true });
    const stages = builder.stages(builder.random.int(0, 2)).filter((stage) => {
      const [name = ""] = Object.keys(stage);
      return !["$group", "$sortByCount", "$facet", "$unionWith", "$lookup"].includes(name);
    });
    const sorted = builder.ordered || !stages.some((stage) => SORTING.has(Object.keys(stage)[0] ?? ""));
    Object.assign(builder, { ordered, identified, inside });
    // Nothing sorts what stands inside one document: its order must be one that is promised.
    if (sorted) return stages;
  }
}

function $facet(builder: PipelineBuilder): Value {
  return { f: nested(builder), ...(builder.random.chance(0.5) && { g: nested(builder) }) };
}

function $graphLookup(builder: PipelineBuilder): Value {
  const { random } = builder;
  return {
    from: "other",
    startWith: builder.expression(),
    connectFromField: random.pick(["i", "_id", "m.t", "l", "n", "v"]),
    connectToField: random.pick(["i", "_id", "m.t", "l", "n"]),
    as: "reached",
    ...(random.chance(0.4) && { maxDepth: random.pick<Value>([0, 1, 2n, double(1), -1, 1.5]) }),
    ...(random.chance(0.3) && { depthField: random.pick(["depth", "o.depth"]) }),
    ...(random.chance(0.3) && { restrictSearchWithMatch: anyFilter(random, builder.documents, 0) }),
  };
}

function $lookup(builder: PipelineBuilder): Value {
  const { random } = builder;
  const equal = { localField: builder.path(), foreignField: random.pick(["a", "i", "s", "n", "m.t", "_id"]) };
  return random.weighted<Value>([
    [3, () => ({ from: "other", ...equal, as: random.pick(["j", "o.j", "a"]) })],
    [1, () => ({ from: "other", ...equal, pipeline: nested(builder), as: "j" })],
    [
      2,
      () => ({
        from: "other",
        let: { v: builder.expression() },
        pipeline: [{ $match: { $expr: { [random.pick(["$eq", "$gt", "$lte"])]: ["$_id", "$$v"] } } }],
        as: "j",
      }),
    ],
    [1, () => ({ from: "other", pipeline: nested(builder), as: "j" })],
  ]);
}
