/** Queries that are too deep, too long, or whose names and patterns are traps: refused or answered, in time and in bounds. */
import { describe, expect, test } from "bun:test";
import {
  compileMatch,
  compileProjection,
  type Document,
  parseJson,
  QueryError,
  setField,
  type Value,
} from "../../src/query/index.ts";
import { boundMemory, end, expectError, nest, project } from "./hostile.ts";

boundMemory();

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
        if ("error" in ending) expectError(ending, "limit", "unsupported", "invalid", "runtime", "deadline");
      }
    },
    60_000,
  );
});
