/** Window functions against a real server. */
import { describe, test } from "bun:test";
import { Decimal128, Double } from "bson";
import type { Document } from "../../../src/query/index.ts";
import { type Case, expectAlike, withoutServer } from "./server.ts";

const day = (n: number) => new Date(Date.UTC(2023, 0, n));

const ROWS: Document[] = [
  { _id: 1, p: "a", t: 1, d: day(1), v: 5, w: 0.1 },
  { _id: 2, p: "a", t: 2, d: day(2), v: 3.5, w: 0.2 },
  { _id: 3, p: "a", t: 4, d: day(4), v: null, w: 0.3 },
  { _id: 4, p: "a", t: 4.5, d: day(7), v: 10n, w: new Double(1e10) },
  { _id: 5, p: "a", t: 8, d: day(8), v: new Double(2), w: new Double(-1e10) },
  { _id: 6, p: "b", t: 1, d: day(1), v: "x", w: 0.4 },
  { _id: 7, p: "b", t: 3, d: day(3), v: 7, w: 0.5 },
  { _id: 8, t: 2, d: day(2), w: 0.6 },
  { _id: 9, p: null, t: 5, d: day(5), v: 1, w: 0.7 },
];

const WINDOWS: Document[] = [
  {},
  { window: { documents: ["unbounded", "unbounded"] } },
  { window: { documents: ["unbounded", "current"] } },
  { window: { documents: [-1, 1] } },
  { window: { documents: [-2, -1] } },
  { window: { documents: [1, 2] } },
  { window: { documents: ["current", "unbounded"] } },
  { window: { documents: [0, 0] } },
  { window: { range: [-1, 1] } },
  { window: { range: ["unbounded", "current"] } },
  { window: { range: [-2.5, 0] } },
  { window: { range: ["current", 3] } },
];

function over(functions: readonly Document[], windows: readonly Document[] = WINDOWS, rows = ROWS): Case[] {
  return functions.flatMap((one) =>
    windows.map((window) => ({
      pipeline: [
        { $setWindowFields: { partitionBy: "$p", sortBy: { t: 1 }, output: { out: { ...one, ...window } } } },
      ],
      documents: rows,
    })),
  );
}

describe.skipIf(withoutServer)("window functions", () => {
  test("sums and means", () =>
    expectAlike(over([{ $sum: "$v" }, { $sum: "$w" }, { $avg: "$v" }, { $avg: "$w" }, { $count: {} }])));

  test("deviations", () => expectAlike(over([{ $stdDevPop: "$v" }, { $stdDevSamp: "$v" }])));

  test("extremes and ends", () =>
    expectAlike(
      over([
        { $min: "$v" },
        { $max: "$v" },
        { $first: "$v" },
        { $last: "$v" },
        { $push: "$v" },
        { $minN: { input: "$v", n: 2 } },
        { $maxN: { input: "$v", n: 2 } },
        { $firstN: { input: "$v", n: 2 } },
        { $lastN: { input: "$v", n: 2 } },
        { $top: { sortBy: { v: 1 }, output: "$_id" } },
        { $bottomN: { n: 2, sortBy: { w: -1 }, output: "$_id" } },
      ]),
    ));

  test("ends of windows alone are looked at; n is constant", () =>
    expectAlike([
      ...over(
        [{ $last: { $abs: "$w" } }, { $first: { $abs: "$p" } }, { $last: { $abs: "$p" } }],
        WINDOWS.slice(0, 4),
      ),
      ...over(
        [{ $lastN: { input: "$v", n: 0 } }, { $topN: { n: "x", sortBy: { v: 1 }, output: 1 } }],
        [{}],
        [],
      ),
      {
        pipeline: [
          {
            $setWindowFields: {
              sortBy: { t: -1 },
              output: { x: { $sum: "$v", window: { range: [-1, 0] } } },
            },
          },
        ],
        documents: [],
      },
      ...over(
        [{ $integral: { input: "$v" } }],
        [{}, { window: { documents: [-1, 0] } }],
        [1, 2, 4].map((t) => ({ t, v: t === 2 ? Decimal128.fromString("2.5") : t })),
      ),
    ]));

  test("of equal values one is the greatest", () => {
    const rows = [Decimal128.fromString("5"), new Double(5), 5, 5n, 4, 5].map((v, _id) => ({ _id, v }));
    const ranked = { sortBy: { v: 1 }, output: "$_id" };
    const functions = [
      { $max: "$v" },
      { $min: "$v" },
      { $maxN: { input: "$v", n: 2 } },
      { $minN: { input: "$v", n: 2 } },
      { $top: ranked },
      { $bottom: ranked },
      { $topN: { ...ranked, n: 2 } },
      { $bottomN: { ...ranked, n: 2 } },
    ];
    return expectAlike(
      functions.flatMap((one) =>
        WINDOWS.slice(0, 8).map((window) => ({
          pipeline: [{ $setWindowFields: { sortBy: { _id: 1 }, output: { out: { ...one, ...window } } } }],
          documents: rows,
        })),
      ),
    );
  });

  test("an empty array is before null in an order of $top and its like", () => {
    const rows = [[], [5], [1, 9], null, 3, undefined, [[0]]].map((v, _id) => ({
      _id,
      ...(v !== undefined && { v }),
    }));
    const functions = [1, -1].flatMap((direction) =>
      ["$topN", "$bottomN"].map((name) => ({ [name]: { n: 9, sortBy: { v: direction }, output: "$_id" } })),
    );
    return expectAlike([
      ...functions.map((w) => ({ pipeline: [{ $group: { _id: null, w } }], documents: rows as Document[] })),
      ...functions.map((w) => ({
        pipeline: [
          {
            $setWindowFields: { sortBy: { _id: 1 }, output: { w: { ...w, window: { documents: [-3, 3] } } } },
          },
        ],
        documents: rows as Document[],
      })),
    ]);
  });

  test("places", () =>
    expectAlike(
      over(
        [
          { $rank: {} },
          { $denseRank: {} },
          { $documentNumber: {} },
          { $shift: { output: "$v", by: 1 } },
          { $shift: { output: "$v", by: -2, default: "none" } },
          { $shift: { output: "$v", by: 0 } },
          { $shift: { output: "$missing", by: 0 } },
          { $locf: "$v" },
          { $expMovingAvg: { input: "$v", N: 3 } },
          { $expMovingAvg: { input: "$w", alpha: 0.3 } },
        ],
        [{}],
      ),
    ));

  test("equal keys share their rank", () => {
    const rows = [3, 1, 2, 2, null, null, 3, [1, 5]].map((t, i) => ({ _id: i, t, p: "a" }));
    const stages = [{ $rank: {} }, { $denseRank: {} }].flatMap((out) =>
      [1, -1].map((direction) => ({
        $setWindowFields: { sortBy: { t: direction }, output: { out } },
      })),
    );
    return expectAlike(
      stages.map((stage) => ({ pipeline: [stage, { $sort: { _id: 1 } }], documents: rows })),
    );
  });

  test("sums beside decimals and far integers keep the digits that a server keeps", () => {
    const decimal = Decimal128.fromString;
    const columns: Document["v"][][] = [
      [9007199254740993n, null, 2147483647],
      [9007199254740993n, null, null, new Double(-1)],
      [1.1, null, decimal("1")],
      [1e300, null, decimal("12345678901234567890.123")],
      [decimal("1.50"), 0.1, 1e300, 9007199254740993n],
    ];
    const functions = [{ $linearFill: "$v" }, { $integral: { input: "$v" } }];
    return expectAlike(
      columns.flatMap((values) =>
        functions.map((out) => ({
          pipeline: [
            ...("$integral" in out ? [{ $match: { v: { $ne: null } } }] : []),
            { $setWindowFields: { sortBy: { _id: 1 }, output: { out } } },
          ],
          documents: values.map((v, _id) => ({ _id, v })),
        })),
      ),
    );
  });

  test("change along the order", () => {
    const numbers = ROWS.filter(({ v }) => typeof v === "number");
    const windows = [
      { window: { documents: ["unbounded", "current"] } },
      { window: { documents: [-1, 0] } },
      { window: { documents: [-1, 1] } },
      { window: { range: [-2, 2] } },
      {},
    ];
    const dated = [
      { $derivative: { input: "$w", unit: "day" }, window: { documents: [-1, 0] } },
      { $derivative: { input: "$w", unit: "hour" }, window: { range: [-2, 0], unit: "day" } },
      { $integral: { input: "$w", unit: "day" }, window: { documents: ["unbounded", "current"] } },
      { $integral: { input: "$w", unit: "month" }, window: { documents: ["unbounded", "current"] } },
      { $derivative: { input: "$w" }, window: { documents: [-1, 0] } },
      { $sum: "$v", window: { range: [-2, 0], unit: "day" } },
      { $push: "$v", window: { range: ["unbounded", -1], unit: "day" } },
      { $sum: "$v", window: { range: [-2, 0] } },
      { $sum: "$v", window: { range: [-1, 0], unit: "month" } },
      { $sum: "$v", window: { range: [-1.5, 0], unit: "day" } },
      { $sum: "$v", window: { range: [-1, 0], unit: "fortnight" } },
    ];
    return expectAlike([
      ...over([{ $derivative: { input: "$w" } }, { $integral: { input: "$w" } }], windows),
      ...over([{ $derivative: { input: "$v" } }, { $integral: { input: "$v" } }], windows, numbers),
      ...over([{ $derivative: { input: "$w", unit: "day" } }], windows.slice(0, 1)),
      ...dated.map((out) => ({
        pipeline: [{ $setWindowFields: { partitionBy: "$p", sortBy: { d: 1 }, output: { out } } }],
        documents: ROWS,
      })),
    ]);
  });

  test("numbers that fall out of a window leave nothing behind", () => {
    const decimal = (text: string) => Decimal128.fromString(text);
    const columns: (Document["v"] | undefined)[][] = [
      [9007199254740992n, 2.5, undefined, new Double(38), 78, 100],
      [9223372036854775807n, decimal("2.5"), 1.5, -76, 3],
      [1, 0, new Double(1), decimal("0"), 3, 4, 5],
      [-5, -9223372036854775808n, 7, 9223372036854775807n, 600n],
      [Number.NaN, 1, 2, 5, Number.POSITIVE_INFINITY, 3, decimal("-Infinity"), 4],
      [decimal("9E+6144"), 1, decimal("NaN"), 2, -9223372036854775808n, 5n, -2147483648, 0, new Double(-0)],
    ];
    const functions = [{ $sum: "$v" }, { $avg: "$v" }, { $stdDevPop: "$v" }, { $stdDevSamp: "$v" }];
    const pairs = [{ $covariancePop: ["$t", "$v"] }, { $covarianceSamp: ["$v", "$t"] }];
    const windows = [
      [-1, 0],
      [-1, 1],
      [-2, -1],
      [1, 2],
      [0, 2],
    ].map((documents) => ({ window: { documents } }));
    return expectAlike(
      columns.flatMap((values) =>
        over(
          [...functions, ...pairs],
          windows,
          values.map((v, t) => ({ _id: t, t, ...(v !== undefined && { v }) })),
        ),
      ),
    );
  });

  test("a mean that forgets is kept in decimals from value to value", () =>
    expectAlike(
      [
        [9223372036854775807n, 3],
        [new Double(9007199254740992), 5],
        [1, Decimal128.fromString("2.5"), 3, null],
      ].map((values) => ({
        pipeline: [
          {
            $setWindowFields: {
              sortBy: { t: 1 },
              output: { x: { $expMovingAvg: { input: "$v", alpha: 0.5 } } },
            },
          },
        ],
        documents: values.map((v, t) => ({ t, v })),
      })),
    ));

  test("a range ends at the document itself where it says current", () =>
    expectAlike(
      [
        ["current", 1],
        [-1, "current"],
        ["current", "current"],
        ["unbounded", "current"],
      ].map((range) => ({
        pipeline: [
          { $setWindowFields: { sortBy: { t: 1 }, output: { x: { $push: "$_id", window: { range } } } } },
        ],
        documents: [1, 2, 2, 2, 3].map((t, _id) => ({ _id, t })),
      })),
    ));

  test("errors are met where documents are asked for, and no earlier", () => {
    const rows = [1, 2, 3, "x"].map((v, t) => ({ _id: t, t, v, u: v }));
    const stages = [
      { $derivative: { input: "$v" }, window: { documents: [-1, 0] } },
      { $derivative: { input: "$missing" }, window: { documents: [0, 0] } },
      { $integral: { input: "$v" }, window: { documents: [0, 1] } },
      { $sum: { $abs: "$v" }, window: { documents: [-1, 1] } },
      { $first: { $abs: "$v" }, window: { documents: [0, 1] } },
      { $locf: { $abs: "$v" } },
      { $linearFill: "$v" },
      { $shift: { output: { $abs: "$v" }, by: 1 } },
      { $sum: "$t", window: { range: [-1, 0] } },
    ];
    return expectAlike(
      stages.flatMap((x) =>
        [{ t: 1 }, { u: 1 }].flatMap((sortBy) =>
          [1, 2, 3, 4].map((limit) => ({
            pipeline: [{ $setWindowFields: { sortBy, output: { x } } }, { $limit: limit }],
            documents: rows,
          })),
        ),
      ),
    );
  });

  test("covariance", () =>
    expectAlike(
      over(
        [
          { $covariancePop: ["$t", "$w"] },
          { $covarianceSamp: ["$t", "$v"] },
          { $covariancePop: "$t" },
          { $covariancePop: [] },
          { $covariancePop: ["$t", "$v", "$w"] },
        ],
        WINDOWS.slice(0, 4),
        ROWS.filter(({ _id }) => ![4, 5].includes(_id as number)),
      ),
    ));

  test("$linearFill", () => {
    const rows: Document[] = [
      { _id: 1, t: 1, v: null },
      { _id: 2, t: 2, v: 1 },
      { _id: 3, t: 3 },
      { _id: 4, t: 5, v: null },
      { _id: 5, t: 6, v: 4 },
      { _id: 6, t: 7, v: 10n },
      { _id: 7, t: 8 },
    ];
    const dated = rows.map((row) => ({ ...row, t: day(Number(row["t"])) }));
    const decimals = rows.map((row) => (row["v"] === 4 ? { ...row, v: Decimal128.fromString("4") } : row));
    const stage = { $setWindowFields: { sortBy: { t: 1 }, output: { out: { $linearFill: "$v" } } } };
    return expectAlike(
      [
        rows,
        dated,
        decimals,
        [...rows, { _id: 8, t: 5, v: 1 }],
        [...rows, { _id: 8, t: 9, v: "x" }],
        [...rows, { _id: 8, v: 1 }],
      ].map((documents) => ({ pipeline: [stage], documents })),
    );
  });

  test("what a $setWindowFields can be", () => {
    const out = { $sum: "$v", window: { documents: [-1, 0] } };
    const options: Document[] = [
      { output: { x: { $sum: "$v" } } },
      { sortBy: { t: 1 }, output: { "a.b": out } },
      { sortBy: { t: -1, _id: 1 }, output: { x: out } },
      { sortBy: { t: 1, _id: 1 }, output: { x: { $rank: {} } } },
      { output: { x: { $rank: {} } } },
      { output: { x: out } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", $avg: "$v" } } },
      { sortBy: { t: 1 }, output: { x: { $unknown: "$v" } } },
      { sortBy: { t: 1 }, output: { x: { $mergeObjects: "$v" } } },
      { sortBy: { t: 1 }, output: { x: 1 } },
      { sortBy: { t: 1 }, output: {} },
      { sortBy: { t: 1 } },
      { sortBy: { t: 1 }, output: { $x: out } },
      { sortBy: { t: 1 }, output: { x: out, "x.y": out } },
      { sortBy: { t: 1 }, output: { x: { ...out, other: 1 } } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", window: { documents: [1, -1] } } } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", window: { documents: [1.5, 2] } } } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", window: { documents: [1] } } } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", window: { documents: ["a", "b"] } } } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", window: { documents: [-1, 0], range: [-1, 0] } } } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", window: { documents: [-1, 0], unit: "day" } } } },
      { sortBy: { t: -1 }, output: { x: { $sum: "$v", window: { range: [-1, 0] } } } },
      { sortBy: { t: 1 }, output: { x: { $sum: "$v", window: {} } } },
      { sortBy: { t: 1 }, output: { x: { $rank: { a: 1 } } } },
      { sortBy: { t: 1 }, output: { x: { $rank: {}, window: { documents: [-1, 0] } } } },
      { sortBy: { t: 1 }, output: { x: { $shift: { output: "$v" } } } },
      { sortBy: { t: 1 }, output: { x: { $shift: { output: "$v", by: 1.5 } } } },
      { sortBy: { t: 1 }, output: { x: { $shift: { output: "$v", by: 1, default: "$v" } } } },
      { sortBy: { t: 1 }, output: { x: { $expMovingAvg: { input: "$v", N: 3, alpha: 0.5 } } } },
      { sortBy: { t: 1 }, output: { x: { $expMovingAvg: { input: "$v", alpha: 1 } } } },
      { sortBy: { t: 1 }, output: { x: { $expMovingAvg: { input: "$v" } } } },
      { sortBy: { t: 1 }, output: { x: { $derivative: { input: "$w" } } } },
      { partitionBy: { $toUpper: "$p" }, sortBy: { t: 1 }, output: { x: out } },
      { partitionBy: "$p", output: { x: { $sum: 1 } } },
      { partitionBy: ["$p"], sortBy: { t: 1 }, output: { x: out } },
      { sortBy: { t: 1 }, output: { x: out }, extra: 1 },
      { sortBy: 1, output: { x: out } },
    ];
    return expectAlike(
      options.map(($setWindowFields) => ({
        pipeline: [{ $setWindowFields }, { $sort: { _id: 1 } }],
        documents: ROWS,
      })),
    );
  });
});
