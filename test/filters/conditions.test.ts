/** Leading conditions, shared by filters: the same answers as the `$match` that they come from. */
import { describe, expect, test } from "bun:test";
import { Decimal128, Double } from "bson";
import fc from "fast-check";
import { ConditionCompiler, Screen, SharedConditions } from "../../src/filters/conditions.ts";
import { compileMatch, type Document, type Value } from "../../src/query/index.ts";

const NUMBERS: readonly Value[] = [
  0,
  -0.5,
  0.9,
  19.5,
  20,
  -999,
  new Double(-0),
  new Double(20),
  new Double(-999),
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  20n,
  1127561440015015001n,
  2 ** 53,
  Decimal128.fromString("19.5"),
];
const number = fc.constantFrom(...NUMBERS);
const value = fc.oneof(
  number,
  fc.constantFrom<Value>("t", null, true, [20, 0.9], [], { x: 20 }, new Date(0)),
);
const candidate = fc.oneof(
  fc.record({ mag: value, drb: value }, { requiredKeys: [] }),
  value,
  fc.array(fc.record({ mag: value }, { requiredKeys: [] }), { maxLength: 2 }),
);
const document = fc.record({ candidate, mag: value }, { requiredKeys: [] }) as fc.Arbitrary<Document>;
const limits = fc.dictionary(fc.constantFrom("$gt", "$gte", "$lt", "$lte", "$eq", "$ne"), number, {
  minKeys: 1,
  maxKeys: 3,
});
const path = fc.constantFrom("candidate.mag", "candidate.drb", "mag", "candidate.mag.x", "candidate.0.mag");
const condition = fc.oneof(
  fc.tuple(path, limits).map(([at, wanted]): Document => ({ [at]: wanted })),
  fc.tuple(path, value).map(([at, wanted]): Document => ({ [at]: wanted })),
  fc.tuple(path, limits).map(([at, wanted]): Document => ({ $nor: [{ [at]: wanted }] })),
);
const filters = fc.array(
  fc.array(condition, { minLength: 1, maxLength: 4 }).map((parts) => ({ $and: parts })),
  { maxLength: 6 },
);

describe("a screen", () => {
  test("lets pass what the matches let pass, document after document", () => {
    fc.assert(
      fc.property(filters, fc.array(document, { minLength: 1, maxLength: 6 }), (matches, documents) => {
        const compiler = new ConditionCompiler();
        const conditions = new SharedConditions();
        const screen = new Screen<number>(conditions);
        matches.forEach((match, i) => {
          const { ofAlert, ofRecord, complete } = compiler.conditionsOf(match, new Set());
          expect([ofRecord.length, complete]).toEqual([0, true]);
          screen.add(i, ofAlert);
        });
        for (const one of documents) {
          conditions.begin(one);
          const wanted = matches.flatMap((match, i) => (compileMatch(match)(one) ? [i] : []));
          expect(screen.passing()).toEqual(wanted);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("asks nothing of what has no conditions", () => {
    const conditions = new SharedConditions();
    const screen = new Screen<string>(conditions);
    screen.add("all", []);
    conditions.begin({});
    expect(screen.passing()).toEqual(["all"]);
  });

  test("leaves to the record what needs it, and to the filter what may fail", () => {
    const { ofAlert, ofRecord, complete } = new ConditionCompiler().conditionsOf(
      {
        "candidate.drb": { $gt: 0.9 },
        $or: [{ "cross_matches.CLU.0": { $exists: true } }, { x: 1 }],
        $expr: { $gt: ["$a", 1] },
      },
      new Set(["cross_matches"]),
    );
    expect(ofAlert.map(({ text }) => text)).toEqual(['{"candidate.drb":{"$gt":0.9}}']);
    expect(ofRecord).toHaveLength(1);
    expect(complete).toBe(false);
  });
});
