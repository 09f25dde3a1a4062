/** Queries made to hang, crash, or break out: each ends in a clear error or an answer, in time and in bounds. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import {
  compileFilter,
  compileMatch,
  compileProjection,
  Deadline,
  type Document,
  parseJson,
  parsePipeline,
  parseSort,
  QueryError,
  setField,
  type Value,
} from "../../src/query/index.ts";

/** The limit of one filter on one alert. */
const LIMIT_MS = 500;
/** What a case may take in all, reading and compiling included, on a machine that does other things too. */
const PATIENCE_MS = 8000;
/** How much the process may grow at its largest through all of these cases together. */
const GROWTH_MB = 2000;

const startMb = largestMb();

function largestMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}

// What a case left behind is not what the next one needs.
afterEach(() => Bun.gc(true));

afterAll(() => {
  expect(largestMb() - startMb).toBeLessThan(GROWTH_MB);
});

type Ending = { readonly result: Document | undefined } | { readonly error: QueryError };

/** Runs a pipeline on one document as the broker would; anything but a QueryError passes through. */
function end(pipeline: Value, document: Document = { _id: 1 }): Ending {
  const started = performance.now();
  try {
    const run = compileFilter(parsePipeline(pipeline as Document[]));
    return { result: run(document, new Deadline(LIMIT_MS, "filter")) };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    expect(error.message.length).toBeLessThan(2000);
    return { error };
  } finally {
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
  }
}

/** Demands a QueryError of one of these kinds. */
function expectError(ending: Ending, ...kinds: QueryError["kind"][]) {
  if (!("error" in ending)) throw new Error("there was no error");
  expect(kinds).toContain(ending.error.kind);
  expect(ending.error.message).not.toBe("");
}

function project(expression: Value): Document[] {
  return [{ $project: { r: expression } }];
}

/** `make` applied `times` times. */
function nest(times: number, start: Value, make: (inner: Value) => Value): Value {
  let value = start;
  for (let i = 0; i < times; i++) value = make(value);
  return value;
}

const DEEP = 20_000;

describe("deep nesting", () => {
  const filters: [string, (depth: number) => Value][] = [
    ["$and", (depth) => nest(depth, { a: 1 }, (inner) => ({ $and: [inner] }))],
    ["$nor", (depth) => nest(depth, { a: 1 }, (inner) => ({ $nor: [inner] }))],
    ["$not", (depth) => ({ a: nest(depth, { $gt: 1 }, (inner) => ({ $not: inner })) })],
    ["$elemMatch", (depth) => ({ a: nest(depth, { $gt: 1 }, (inner) => ({ $elemMatch: inner })) })],
    ["$elemMatch of objects", (depth) => nest(depth, { a: 1 }, (inner) => ({ a: { $elemMatch: inner } }))],
    ["$all", (depth) => ({ a: nest(depth, 1, (inner) => ({ $all: [{ $elemMatch: inner }] })) })],
    ["$jsonSchema", (depth) => ({ $jsonSchema: nest(depth, {}, (inner) => ({ properties: { a: inner } })) })],
    ["$jsonSchema not", (depth) => ({ $jsonSchema: nest(depth, {}, (inner) => ({ not: inner })) })],
    ["$expr", (depth) => ({ $expr: nest(depth, true, (inner) => ({ $not: [inner] })) })],
    ["a value", (depth) => ({ a: nest(depth, 1, (inner) => ({ a: inner })) })],
    ["an array", (depth) => ({ a: nest(depth, 1, (inner) => [inner]) })],
    ["$in", (depth) => ({ a: { $in: [nest(depth, 1, (inner) => [inner])] } })],
  ];
  test.each(filters)("of a filter: %s", (_name, make) => {
    const ending = end([{ $match: make(DEEP) }], { _id: 1, a: { a: [1] } });
    if ("error" in ending) expectError(ending, "limit", "invalid");
  });

  const expressions: [string, (inner: Value) => Value][] = [
    ["$not", (inner) => ({ $not: [inner] })],
    ["$add", (inner) => ({ $add: [1, inner] })],
    ["$cond", (inner) => ({ $cond: ["$a", inner, 0] })],
    ["$let", (inner) => ({ $let: { vars: { x: "$a" }, in: inner } })],
    ["$map", (inner) => ({ $map: { input: "$a", in: inner } })],
    ["$reduce", (inner) => ({ $reduce: { input: "$a", initialValue: 0, in: inner } })],
    ["objects", (inner) => ({ a: inner })],
    ["arrays", (inner) => [inner]],
  ];
  test.each(expressions)("of an expression: %s", (_name, make) => {
    expectError(end(project(nest(DEEP, "$a", make))), "limit", "invalid");
  });

  test("that is allowed runs", () => {
    for (const [, make] of expressions.slice(0, 4)) {
      const ending = end(project(nest(90, "$a", make)), { _id: 1, a: 1 });
      expect("error" in ending ? ending.error.message : "").toBe("");
    }
  });

  test("of a literal, of stages in stages, of paths", () => {
    const literal = nest(DEEP, 1, (inner) => [inner]);
    for (const pipeline of [
      project({ $literal: literal }),
      nest(500, [{ $match: {} }], (inner) => [{ $facet: { a: inner } }]),
      nest(500, [{ $match: {} }], (inner) => [{ $lookup: { from: "other", pipeline: inner, as: "x" } }]),
      nest(500, [{ $match: {} }], (inner) => [{ $unionWith: { coll: "other", pipeline: inner } }]),
      [{ $match: { [Array(DEEP).fill("a").join(".")]: 1 } }],
      [{ $sort: { [Array(DEEP).fill("a").join(".")]: 1 } }],
      project(`$${Array(DEEP).fill("a").join(".")}`),
      [{ $project: { [Array(DEEP).fill("a").join(".")]: 1 } }],
      [{ $project: nest(DEEP, 1, (inner) => ({ a: inner })) }],
      [{ $addFields: nest(DEEP, 1, (inner) => ({ a: inner })) }],
    ]) {
      const ending = end(pipeline);
      if ("error" in ending) expectError(ending, "limit", "invalid", "unsupported");
    }
  });

  test("of documents", () => {
    const document = {
      _id: 1,
      a: nest(150, 1, (inner) => ({ a: inner })),
      b: nest(150, 1, (inner) => [inner]),
    };
    for (const pipeline of [
      [{ $match: { a: { a: 1 } } }],
      [{ $match: { "a.a.a": 1, b: [1] } }],
      [{ $match: { $jsonSchema: { properties: { b: { uniqueItems: true } } } } }],
      [{ $sort: { a: 1, b: 1 } }],
      [{ $group: { _id: "$a", n: { $addToSet: "$b" } } }],
      [{ $redact: "$$DESCEND" }],
      project({ $eq: ["$a", "$b"] }),
      project({ $eq: ["$a", { a: "$a" }] }),
      project({ $setUnion: [["$a"], ["$b"]] }),
    ]) {
      const ending = end(pipeline, document);
      if ("error" in ending) expectError(ending, "limit", "runtime", "deadline", "unsupported");
    }
  });
});

const MEGABYTES = 10 * 1024 * 1024;

describe("pipelines of 10 MB", () => {
  const large: [string, () => Value][] = [
    ["stages", () => Array.from({ length: 400_000 }, () => ({ $match: { a: 1 } }))],
    ["$in", () => [{ $match: { a: { $in: Array.from({ length: 1_000_000 }, (_, i) => i) } } }]],
    ["$or", () => [{ $match: { $or: Array.from({ length: 200_000 }, (_, i) => ({ a: { $gt: i } })) } }]],
    [
      "fields",
      () => [{ $match: Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`f${i}`, i])) }],
    ],
    ["a text", () => [{ $match: { a: "x".repeat(MEGABYTES) } }]],
    ["a regex", () => [{ $match: { a: { $regex: "x".repeat(MEGABYTES) } } }]],
    ["a name", () => [{ $match: { ["x".repeat(MEGABYTES)]: 1 } }]],
    ["an unknown operator", () => [{ $match: { a: { [`$${"x".repeat(MEGABYTES)}`]: 1 } } }]],
    ["an unknown stage", () => [{ [`$${"x".repeat(MEGABYTES)}`]: 1 }]],
    ["operands", () => project({ $add: Array.from({ length: 1_000_000 }, () => "$a") })],
    [
      "branches",
      () => project(nest(100, "$a", (inner) => ({ $cond: ["$a", Array(10_000).fill("$b"), inner] }))),
    ],
    [
      "projected fields",
      () => [
        { $project: Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`f${i}`, `$g${i}`])) },
      ],
    ],
    [
      "schema",
      () => [{ $match: { $jsonSchema: { required: Array.from({ length: 500_000 }, (_, i) => `f${i}`) } } }],
    ],
    ["enum", () => [{ $match: { $jsonSchema: { enum: Array.from({ length: 500_000 }, (_, i) => i) } } }]],
    ["$all", () => [{ $match: { a: { $all: Array.from({ length: 500_000 }, (_, i) => i) } } }]],
    [
      "accumulators",
      () => [
        {
          $group: {
            _id: null,
            ...Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`f${i}`, { $sum: "$a" }])),
          },
        },
      ],
    ],
    ["bits", () => [{ $match: { a: { $bitsAllSet: Array.from({ length: 1_000_000 }, (_, i) => i) } } }]],
    [
      "polygon",
      () => [
        {
          $match: {
            a: {
              $geoWithin: { $polygon: Array.from({ length: 300_000 }, (_, i) => [i % 180, (i * 7) % 90]) },
            },
          },
        },
      ],
    ],
  ];
  test.each(large)(
    "%s",
    (_name, make) => {
      const ending = end(make(), { _id: 1, a: 1 });
      if ("error" in ending) expectError(ending, "limit", "invalid", "deadline", "unsupported");
    },
    30_000,
  );

  test("as JSON text", () => {
    const text = `[${'{"$match":{"a":1}},'.repeat(500_000)}{"$limit":1}]`;
    const ending = end(parseJson(text));
    if ("error" in ending) expectError(ending, "limit");
    expect(() => parseJson(`[${'{"a":'.repeat(2_000_000)}`)).toThrow(QueryError);
  });
});

describe("names of prototypes and code in names", () => {
  const NAMES = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "__defineGetter__",
    '"];globalThis.pwned=1;["',
    "');globalThis.pwned=1;('",
    `\`$\{globalThis.pwned=1}\``,
    '\\";globalThis.pwned=1//',
    "\u2028globalThis.pwned=1\u2029",
    "*/globalThis.pwned=1/*",
    "a\nglobalThis.pwned=1\n",
  ];

  test.each(NAMES)("%j is a field like others", (name) => {
    const document: Document = { _id: 1 };
    setField(document, name, { polluted: 5 });
    for (const pipeline of [
      [{ $match: { [`${name}.polluted`]: 5 } }],
      [{ $match: own(name, { polluted: 5 }) }],
      [{ $project: own(name, 1) }],
      [{ $addFields: own(name, { polluted: "$_id" }) }],
      [{ $group: { _id: `$${name}`, ...own(name.replaceAll(".", ""), { $first: `$${name}` }) } }],
      project({ $getField: { $literal: name } }),
      project({ $setField: { field: { $literal: name }, input: "$$ROOT", value: 1 } }),
      project({ $arrayToObject: [[[name, { polluted: 1 }]]] }),
      project({ $mergeObjects: ["$$ROOT", own(name.replace(/[.$]/g, ""), 1)] }),
      project({ $let: { vars: own(name, 1), in: `$$${name}` } }),
      project(`$$${name}`),
      project({ [`$${name}`]: 1 }),
      [{ [`$${name}`]: 1 }],
      [{ $sort: own(name, 1) }],
      [{ $facet: own(name, []) }],
    ]) {
      const ending = end(pipeline, document);
      if ("error" in ending) expectError(ending, "invalid", "limit", "unsupported", "runtime");
    }
    expect(Reflect.get(globalThis, "pwned")).toBeUndefined();
    expect(Reflect.get({}, "polluted")).toBeUndefined();
    expect(Reflect.get([], "polluted")).toBeUndefined();
  });

  test("what all objects inherit is no field of a document", () => {
    for (const name of ["constructor", "__proto__", "toString", "valueOf", "length"]) {
      expect(end([{ $match: { [name]: { $exists: true } } }])).toEqual({ result: undefined });
      expect(end([{ $match: { [`${name}.name`]: { $exists: true } } }])).toEqual({ result: undefined });
      expect(end(project(`$${name}`))).toEqual({ result: { _id: 1 } });
      expect(end(project(`$${name}.constructor`))).toEqual({ result: { _id: 1 } });
      expect(compileProjection({ [name]: 1 })({ _id: 1 })).toEqual({ _id: 1 });
    }
  });

  test("text in a query stays text", () => {
    const text = `\`$\{globalThis.pwned=1}\`"');globalThis.pwned=1//\\`;
    const document = { _id: 1, a: text };
    expect(compileMatch({ a: text })(document)).toBe(true);
    expect(compileMatch({ a: { $in: [text, 1] } })(document)).toBe(true);
    expect(end(project({ $concat: ["$a", text] }), document)).toEqual({ result: { _id: 1, r: text + text } });
    expect(Reflect.get(globalThis, "pwned")).toBeUndefined();
  });

  function own(name: string, value: Value): Document {
    const object: Document = {};
    setField(object, name, value);
    return object;
  }
});

describe("regular expressions that would run for ever", () => {
  const LONG = "a".repeat(50_000);
  const document = {
    _id: 1,
    a: `${LONG}!`,
    b: `${"ab".repeat(20_000)}!`,
    c: Array(1000).fill(`${"a".repeat(1000)}!`),
  };
  const PATTERNS = [
    "^(a+)+$",
    "(a|a)*b",
    "(a|aa)+$",
    "([a-z]+)*1",
    "(.*)*x",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "(a?){50}a{50}",
    "(((a{0,10}){0,10}){0,10}){0,10}b",
    "a{1000}{1000}",
    "(x+x+)+y",
    "^(?:a|b|ab)*c",
    "(?:(?:a?)*)*b",
    "(?i)(a+)+b",
    `(${"a?".repeat(200)})${"a".repeat(200)}b`,
  ];
  test.each(PATTERNS)(
    "%s",
    (pattern) => {
      for (const pipeline of [
        [{ $match: { a: { $regex: pattern } } }],
        [{ $match: { a: { $regex: pattern, $options: "imsx" } } }],
        [{ $match: { c: { $not: { $regex: pattern } } } }],
        [{ $match: { a: { $in: ["x"] }, $jsonSchema: { properties: { a: { pattern } } } } }],
        project({ $regexMatch: { input: "$b", regex: pattern } }),
        project({ $size: { $regexFindAll: { input: "$a", regex: pattern } } }),
      ]) {
        const ending = end(pipeline, document);
        if ("error" in ending) expectError(ending, "limit", "unsupported", "invalid", "deadline");
      }
    },
    60_000,
  );
});

describe("growth without end", () => {
  const many = { _id: 1, l: Array.from({ length: 2000 }, (_, i) => i), s: "x".repeat(100_000) };
  const overRange = (count: number, inner: Value): Value => ({
    $map: { input: { $range: [0, count] }, in: inner },
  });
  const doubling = (initialValue: Value, expression: Value): Value => ({
    $reduce: { input: { $range: [0, 60] }, initialValue, in: expression },
  });
  const cases: [string, Value][] = [
    ["$range", { $size: { $range: [0, 2147483647] } }],
    ["$range with a step", { $range: [-2147483648, 2147483647, 1] }],
    ["$map in $map", overRange(10_000, overRange(10_000, overRange(10_000, 1)))],
    [
      "$filter in $filter",
      {
        $filter: {
          input: "$l",
          cond: {
            $filter: { input: "$l", cond: { $filter: { input: "$l", cond: { $eq: ["$$this", -1] } } } },
          },
        },
      },
    ],
    [
      "$reduce in $reduce",
      doubling(0, { $sum: [doubling(0, { $sum: [doubling(0, { $sum: overRange(1000, 1) })] })] }),
    ],
    ["$size of $map in $map", { $size: overRange(100_000, { $sum: overRange(100_000, "$$this") }) }],
    ["$concatArrays", doubling([1], { $concatArrays: ["$$value", "$$value"] })],
    ["$concat", doubling("x", { $concat: ["$$value", "$$value"] })],
    [
      "$setUnion",
      doubling([1], {
        $setUnion: [
          "$$value",
          { $map: { input: "$$value", as: "v", in: { $add: ["$$v", { $size: "$$value" }] } } },
        ],
      }),
    ],
    [
      "$mergeObjects",
      doubling(
        { a: 1 },
        {
          $arrayToObject: {
            $concatArrays: [
              { $objectToArray: "$$value" },
              {
                $map: {
                  input: { $objectToArray: "$$value" },
                  as: "e",
                  in: { k: { $concat: ["$$e.k", { $toString: "$$this" }] }, v: 1 },
                },
              },
            ],
          },
        },
      ),
    ],
    ["arrays in arrays", doubling([1], ["$$value", "$$value"])],
    ["objects in objects", doubling({ a: 1 }, { a: "$$value", b: "$$value" })],
    [
      "comparison of shared parts",
      {
        $let: {
          vars: { x: doubling([1], ["$$value", "$$value"]), y: doubling([1], ["$$value", "$$value"]) },
          in: { $eq: ["$$x", "$$y"] },
        },
      },
    ],
    ["$zip", doubling(["$l"], { $zip: { inputs: ["$$value", "$$value", "$$value"] } })],
    ["$replaceAll", doubling("x", { $replaceAll: { input: "$$value", find: "x", replacement: "xx" } })],
    ["$replaceAll of nothing", { $replaceAll: { input: "$s", find: "x", replacement: "$s" } }],
    ["$split", doubling([1], { $split: ["$s", "x"] })],
    [
      "$sortArray",
      {
        $sortArray: {
          input: overRange(3_000_000, { $mod: [{ $multiply: ["$$this", 7919] }, 10007] }),
          sortBy: 1,
        },
      },
    ],
    ["$setIntersection", overRange(10_000, { $setIntersection: ["$l", { $reverseArray: "$l" }] })],
    ["$indexOfArray", overRange(100_000, { $indexOfArray: ["$l", -1] })],
    ["$in", overRange(1_000_000, { $in: [-1, "$l"] })],
    ["$pow", doubling(10, { $multiply: ["$$value", "$$value"] })],
    ["$indexOfCP", overRange(1_000_000, { $indexOfCP: ["$s", "y"] })],
    ["$substrCP", overRange(1_000_000, { $substrCP: ["$s", 50_000, 10] })],
    ["$trim", overRange(1_000_000, { $trim: { input: "$s", chars: "y" } })],
    ["$concat of long texts", overRange(1_000_000, { $concat: ["$s", "$s"] })],
    ["$avg", overRange(1_000_000, { $avg: "$l" })],
    ["$objectToArray", overRange(1_000_000, { $objectToArray: "$$ROOT" })],
    ["$maxN", overRange(1_000_000, { $maxN: { n: 1999, input: "$l" } })],
    ["$reverseArray", overRange(1_000_000, { $reverseArray: "$l" })],
    ["$dateToString", overRange(10_000_000, { $dateToString: { date: new Date(0) } })],
  ];
  test.each(cases)(
    "%s",
    (_name, expression) => {
      const ending = end(project(expression), many);
      if ("error" in ending) expectError(ending, "limit", "deadline", "invalid", "runtime");
    },
    20_000,
  );

  const range = (count: number): Document => ({ $addFields: { l: { $range: [0, count] } } });
  const stages: [string, Document[]][] = [
    [
      "$unwind",
      [
        range(1000),
        { $addFields: { m: "$l", n: "$l" } },
        { $unwind: "$l" },
        { $unwind: "$m" },
        { $unwind: "$n" },
        { $count: "n" },
      ],
    ],
    ["$push", [range(500_000), { $unwind: "$l" }, { $group: { _id: null, all: { $push: "$$ROOT" } } }]],
    [
      "$addToSet",
      [range(500_000), { $unwind: "$l" }, { $group: { _id: null, all: { $addToSet: { $toString: "$l" } } } }],
    ],
    ["groups", [range(900_000), { $unwind: "$l" }, { $group: { _id: "$l", n: { $push: "$s" } } }]],
    ["$sort", [range(900_000), { $unwind: "$l" }, { $sort: { l: -1 } }]],
    ["$facet", [range(900_000), { $unwind: "$l" }, { $facet: { a: [], b: [] } }]],
    ["$bucketAuto", [range(900_000), { $unwind: "$l" }, { $bucketAuto: { groupBy: "$l", buckets: 5 } }]],
    [
      "$densify",
      [{ $densify: { field: "_id", range: { step: 1, bounds: [0, 2147483647] } } }, { $count: "n" }],
    ],
    [
      "$densify of dates",
      [
        {
          $densify: {
            field: "d",
            range: { step: 1, unit: "millisecond", bounds: [new Date(0), new Date(4e12)] },
          },
        },
        { $count: "n" },
      ],
    ],
    [
      "$setWindowFields",
      [
        range(5000),
        { $unwind: "$l" },
        {
          $setWindowFields: {
            sortBy: { l: 1 },
            output: { w: { $push: "$s", window: { documents: ["unbounded", "unbounded"] } } },
          },
        },
      ],
    ],
    [
      "windows of windows",
      [
        range(20_000),
        { $unwind: "$l" },
        {
          $setWindowFields: {
            sortBy: { l: 1 },
            output: { w: { $stdDevPop: "$l", window: { documents: ["unbounded", "current"] } } },
          },
        },
        { $count: "n" },
      ],
    ],
    [
      "$match after growth",
      [
        range(1_000_000),
        { $match: { l: { $elemMatch: { $gt: 5, $lt: 3 } } } },
        { $match: { l: { $all: [1, 2, -3] } } },
      ],
    ],
    [
      "$addFields doubling",
      Array.from({ length: 60 }, (): Document => ({ $addFields: { s: { $concat: ["$s", "$s"] } } })),
    ],
    [
      "$addFields doubling arrays",
      [
        range(10),
        ...Array.from(
          { length: 60 },
          (): Document => ({ $addFields: { l: { $concatArrays: ["$l", "$l"] } } }),
        ),
      ],
    ],
    [
      "$addFields doubling documents",
      Array.from({ length: 60 }, (): Document => ({ $addFields: { a: "$$ROOT", b: "$$ROOT" } })),
    ],
  ];
  test.each(stages)(
    "%s",
    (_name, pipeline) => {
      const ending = end(pipeline, many);
      if ("error" in ending) expectError(ending, "limit", "deadline", "invalid", "runtime", "unsupported");
    },
    20_000,
  );
});

test("sorts and filters of large documents end in time", () => {
  const l = Array.from({ length: 300_000 }, (_, i) => ({ a: i, b: [i, i + 1] }));
  const deadline = new Deadline(LIMIT_MS, "filter");
  const started = performance.now();
  for (const filter of [
    { "l.a": { $gt: 1e9 } },
    { "l.b": { $elemMatch: { $lt: -5 } } },
    { l: { $all: [{ $elemMatch: { a: -1 } }, { $elemMatch: { a: -2 } }] } },
    { $nor: [{ "l.b.0": -1 }, { "l.1.b": -1 }] },
    { $jsonSchema: { properties: { l: { uniqueItems: true } } } },
  ]) {
    try {
      deadline.run(() => compileMatch(filter)({ _id: 1, l }));
    } catch (error) {
      expect((error as QueryError).kind).toBe("deadline");
    }
  }
  expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
  expect(parseSort({ a: 1 })).toEqual([["a", 1]]);
});
