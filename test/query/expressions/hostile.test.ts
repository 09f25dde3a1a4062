/** Hostile expressions: names of prototypes, code in texts, growth, deep nesting, work without end. */
import { describe, expect, test } from "bun:test";
import {
  checkSize,
  compileExpression,
  compileExpressions,
  Deadline,
  type Document,
  parseExpression,
  QueryError,
  type Value,
} from "../../../src/query/index.ts";
import { type Case, expectAlike, withoutServer } from "./oracle.ts";

function evaluate(expression: Value, document: Document = {}): Value | undefined {
  return compileExpression(expression, "pipeline[0].$project.x")(document);
}

/** The error of an evaluation under a time limit, and that it came soon and with little memory. */
function failure(expression: Value, document: Document = {}): QueryError {
  const before = process.memoryUsage.rss();
  const started = performance.now();
  try {
    // As everyone does who writes results out.
    new Deadline(300, "query").run(() => checkSize(evaluate(expression, document), ""));
  } catch (error) {
    expect(error).toBeInstanceOf(QueryError);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(600 * 1024 * 1024);
    return error as QueryError;
  }
  throw new Error(`it came to an end: ${JSON.stringify(expression).slice(0, 200)}`);
}

/** Wraps an expression again and again. */
function nest(depth: number, inner: Value, wrap: (inside: Value, level: number) => Value): Value {
  let result = inner;
  for (let i = 0; i < depth; i++) result = wrap(result, i);
  return result;
}

const MILLION: Value = { $range: [0, 1_000_000] };

describe("names", () => {
  const NAMES = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "valueOf", "length"];

  test("of prototypes are plain fields", () => {
    const document = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "a": {"length": 3}}') as Document;
    expect(evaluate("$__proto__.x", document)).toBe(1);
    expect(evaluate("$constructor", document)).toBe(2);
    expect(evaluate("$a.length", document)).toBe(3);
    for (const name of NAMES) {
      expect(evaluate(`$${name}`, {})).toBeUndefined();
      expect(evaluate(`$a.${name}`, { a: [1, 2] })).toEqual([]);
      expect(evaluate(`$a.${name}`, { a: "text" })).toBeUndefined();
      expect(evaluate({ $getField: name }, {})).toBeUndefined();
    }
    expect(({} as Document)["x"]).toBeUndefined();
  });

  test("of prototypes in new objects stay in those objects", () => {
    const expression = JSON.parse('{"__proto__": {"polluted": "$a"}, "constructor": "$a"}') as Value;
    const result = evaluate(expression, { a: 1 }) as Document;
    expect(Object.keys(result)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(evaluate({ $arrayToObject: [[["__proto__", 5]]] })).toEqual(JSON.parse('{"__proto__": 5}'));
    expect(evaluate({ $mergeObjects: ["$d", { b: 1 }] }, { d: JSON.parse('{"__proto__": 5}') })).toEqual(
      JSON.parse('{"__proto__": 5, "b": 1}'),
    );
    expect(({} as Document)["polluted"]).toBeUndefined();
  });

  test.skipIf(withoutServer)("mean the same as on the server", async () => {
    const cases: Case[] = NAMES.flatMap((name): Case[] => [
      [`$${name}`, { a: 1 }],
      [{ $getField: { field: name, input: "$a" } }, { a: { [name === "__proto__" ? "b" : name]: 1 } }],
      [{ $setField: { field: name, input: "$a", value: 7 } }, { a: { b: 1 } }],
      [{ $unsetField: { field: name, input: "$a" } }, { a: { b: 1, length: 2 } }],
      [{ $map: { input: "$a", in: `$$this.${name}` } }, { a: [{ length: 2 }, "xy", [1]] }],
    ]);
    await expectAlike(cases);
  });
});

test("texts are data, never code", () => {
  const texts = [
    '"); throw 1; ("',
    "`$" + "{process.exit()}`",
    "*/ throw 1 /*",
    "\u2028throw 1",
    "\\",
    "'",
    "\n}",
  ];
  for (const text of texts) {
    expect(evaluate({ $concat: [text, "$a"] }, { a: "" })).toBe(text);
    expect(
      evaluate({ $cond: [{ $eq: ["$a", text] }, { [text.replaceAll(/[.$]/g, "")]: text }, 0] }, { a: text }),
    ).toEqual({
      [text.replaceAll(/[.$]/g, "")]: text,
    });
    expect(evaluate({ $getField: { $literal: text } }, { [text]: 1 })).toBe(1);
  }
});

describe("limits", () => {
  test("of nesting", () => {
    expect(
      evaluate(
        nest(140, 0, (inside) => ({ $add: [inside, "$a"] })),
        { a: 1 },
      ),
    ).toBe(140);
    expect(failure(nest(100_000, "$a", (inside) => ({ $not: [inside] }))).kind).toBe("limit");
    expect(failure(nest(100_000, "$a", (inside) => [inside])).kind).toBe("limit");
  });

  test("of size", () => {
    const many = Array.from({ length: 300_000 }, () => "$a");
    expect(["limit", "deadline"]).toContain(failure({ $add: many }).kind);
    const wide = Array.from({ length: 10_000 }, (_, i) => ({ $gt: ["$a", i] }));
    expect(evaluate({ $and: wide }, { a: 1 })).toBe(false);
    expect(evaluate({ $or: wide }, { a: 1 })).toBe(true);
  }, 20_000);

  test("of growth", () => {
    const growing: Value[] = [
      { $range: [0, 2147483647] },
      { $map: { input: MILLION, in: MILLION } },
      { $reduce: { input: MILLION, initialValue: [1], in: { $concatArrays: ["$$value", "$$value"] } } },
      { $reduce: { input: MILLION, initialValue: "x", in: { $concat: ["$$value", "$$value"] } } },
      { $reduce: { input: MILLION, initialValue: [1], in: ["$$value", "$$value"] } },
      { $reduce: { input: MILLION, initialValue: { a: 1 }, in: { a: "$$value", b: "$$value" } } },
      { $reduce: { input: MILLION, initialValue: [], in: [["$$value"], { $range: [0, 100_000] }] } },
      { $map: { input: MILLION, in: { $concat: ["$s", "$s"] } } },
      { $map: { input: MILLION, in: { $mergeObjects: ["$o", { x: "$$this" }] } } },
      { $zip: { inputs: [MILLION, MILLION, MILLION, MILLION, MILLION, MILLION, MILLION] } },
      { $replaceAll: { input: { $concat: ["$s", "$s"] }, find: "x", replacement: "$s" } },
      { $split: ["$long", "x"] },
      { $map: { input: MILLION, in: "$$ROOT" } },
      nest(100, "$$a", (inside, level) => ({
        $let: { vars: level === 99 ? { a: "$o" } : { a: ["$$a", "$$a"] }, in: inside },
      })),
    ];
    const document = { s: "x".repeat(20_000), o: { a: 1, b: 2, c: 3, d: 4 }, long: "x".repeat(10_000_000) };
    for (const expression of growing)
      expect(["limit", "deadline"]).toContain(failure(expression, document).kind);
  }, 60_000);

  test("of time", () => {
    const document = {
      s: "é".repeat(100_000),
      l: Array.from({ length: 2000 }, (_, i) => 2000 - i),
      d: new Date(0),
    };
    const bodies: Value[] = [
      { $map: { input: MILLION, as: "y", in: { $add: ["$$this", "$$y"] } } },
      { $size: { $filter: { input: "$l", as: "y", cond: { $lt: ["$$y", "$$this"] } } } },
      { $strLenCP: "$s" },
      { $toUpper: "$s" },
      { $strcasecmp: ["$s", { $concat: ["$s", "a"] }] },
      { $eq: ["$s", { $concat: ["$s", "a"] }] },
      { $trim: { input: "$s", chars: "é" } },
      { $indexOfCP: ["$s", "z"] },
      { $substrCP: ["$s", 5, 10] },
      { $firstN: { n: 1999, input: "$l" } },
      { $maxN: { n: 1000, input: "$l" } },
      { $sortArray: { input: "$l", sortBy: 1 } },
      { $setDifference: ["$l", [1]] },
      { $in: [-1, { $concatArrays: ["$l", [0]] }] },
      { $sum: "$l" },
      { $max: "$l" },
      { $dateToString: { date: "$d", format: "%Y".repeat(1000) } },
      { $regexMatch: { input: "$s", regex: "(a+)+$" } },
      { $objectToArray: { $arrayToObject: { $zip: { inputs: [{ $split: ["$s", "é"] }, "$l"] } } } },
    ];
    for (const body of bodies) {
      const kind = failure(
        { $reduce: { input: MILLION, initialValue: 0, in: { $cond: [{ $eq: [body, "q"] }, 1, 0] } } },
        document,
      ).kind;
      expect(["deadline", "limit"]).toContain(kind);
    }
  }, 60_000);
});

test("growth is counted anew for every document", () => {
  const grow = compileExpression({ $concat: ["$s", "$s"] }, "x");
  const several = compileExpressions([
    parseExpression({ $range: [0, 10_000] }, "x"),
    parseExpression({ $slice: ["$l", 5000] }, "x"),
  ]);
  const document = { s: "x".repeat(100_000), l: Array.from({ length: 5000 }, () => 1) };
  for (let i = 0; i < 500; i++) {
    grow(document);
    several(document);
  }
});

test("errors name the place and the right name", () => {
  const message = (expression: Value) => {
    try {
      evaluate(expression);
    } catch (error) {
      return error instanceof QueryError ? error.message : String(error);
    }
    return "no error";
  };
  expect(message({ a: { $cond: [{ $gtt: ["$a", 1] }, 1, 2] } })).toBe(
    "pipeline[0].$project.x.a.$cond[0].$gtt: unknown operator, did you mean $gt?",
  );
  expect(message({ $map: { input: "$a", as: "row", in: "$$rwo.x" } })).toBe(
    "pipeline[0].$project.x.$map.in: undefined variable $$rwo, did you mean row?",
  );
  expect(message({ $filter: { input: "$a", condition: 1 } })).toBe(
    "pipeline[0].$project.x.$filter.condition: unknown argument; known are input, cond, as, limit",
  );
  expect(message({ $function: {} })).toContain("$function is not supported: it would run a program");
  expect(message({ $divide: ["$a", 1, 2] })).toBe("pipeline[0].$project.x.$divide: needs 2 arguments, not 3");
  expect(message({ $gt: 1, $lt: 2 })).toBe(
    "pipeline[0].$project.x: $gt must stand alone in its object; it has 2 fields",
  );
});
