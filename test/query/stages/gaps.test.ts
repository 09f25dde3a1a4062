/** `$densify` and `$fill` against a real server. */
import { describe, test } from "bun:test";
import { Decimal128, Double } from "bson";
import type { Document } from "../../../src/query/index.ts";
import { expectAlike, withoutServer } from "./server.ts";

const day = (n: number) => new Date(Date.UTC(2023, 0, n));

describe.skipIf(withoutServer)("gaps", () => {
  test("$densify", () => {
    const rows: Document[] = [
      { _id: 1, t: 1, p: "a" },
      { _id: 2, t: 3.5, p: "a" },
      { _id: 3, t: 6, p: "b" },
      { _id: 4, t: 6, p: "a" },
      { _id: 5, t: 8n, p: "b" },
      { _id: 6, p: "a" },
      { _id: 7, t: null },
    ];
    const dated = rows.map((row) =>
      typeof row["t"] === "number" ? { ...row, t: day(row["t"]) } : { ...row, t: null },
    );
    const range = { step: 1, bounds: "full" };
    const options: Document[] = [
      { field: "t", range },
      { field: "t", range: { step: 2, bounds: "partition" }, partitionByFields: ["p"] },
      { field: "t", range: { step: 2, bounds: "full" }, partitionByFields: ["p"] },
      { field: "t", range: { step: 0.5, bounds: [5, 7] } },
      { field: "t", range: { step: 1, bounds: [0, 3] }, partitionByFields: ["p"] },
      { field: "t", range: { step: 1, bounds: [7, 10] } },
      { field: "x.y", range: { step: 1, bounds: [1, 3] } },
      { field: "t", range: { step: 0, bounds: "full" } },
      { field: "t", range: { step: "x", bounds: "full" } },
      { field: "t", range: { step: 1, bounds: "some" } },
      { field: "t", range: { step: 1, bounds: [3, 1] } },
      { field: "t", range: { step: 1, bounds: [1] } },
      { field: "t", range: { step: 1, bounds: "full", unit: "day" } },
      { field: "t", range: { bounds: "full" } },
      { field: "$t", range },
      { field: "t" },
      { field: "t", range, partitionByFields: "p" },
      { field: "t", range, partitionByFields: ["t"] },
      { field: "t", range, extra: 1 },
      { field: "p", range },
      { field: "t", range: { step: 1, bounds: "partition" } },
    ];
    const times: Document[] = [
      { field: "t", range: { step: 1, unit: "day", bounds: "full" } },
      { field: "t", range: { step: 36, unit: "hour", bounds: "partition" }, partitionByFields: ["p"] },
      { field: "t", range: { step: 1, unit: "month", bounds: [day(1), day(100)] } },
      { field: "t", range: { step: 1, bounds: "full" } },
      { field: "t", range: { step: 1.5, unit: "day", bounds: "full" } },
    ];
    const cases = (some: readonly Document[], documents: readonly Document[]) =>
      some.map(($densify) => ({ pipeline: [{ $densify }], documents, anyOrder: true }));
    return expectAlike([...cases(options, rows), ...cases(times, dated), ...cases(options.slice(0, 5), [])]);
  });

  test("$densify beside decimals", () =>
    expectAlike(
      ["1", "1.50", "0.1"].map((text) => ({
        pipeline: [{ $densify: { field: "x", range: { step: 0.5, bounds: [-0.5, 3.5] } } }],
        documents: [{ _id: 1, x: Decimal128.fromString(text) }],
        anyOrder: true,
      })),
    ));

  test("$densify over partitions", () => {
    const rows: Document[] = [
      { _id: 0, b: 1, t: -3 },
      { _id: 1, b: 2, t: 0 },
      { _id: 2, b: 2, t: 3 },
      { _id: 3, b: 3, t: 9 },
      { _id: 4, b: 3, t: 7 },
      { _id: 5, b: { c: 1 }, t: -7 },
      { _id: 6, b: [{ c: 2 }], t: 2.5 },
      { _id: 7, t: 2 },
    ];
    const bounds = ["full", "partition", [0, 4], [-3, 2], [20, 22]];
    const options: Document[] = [
      ...["b", "b.c", "none"].flatMap((field) =>
        bounds.map((some) => ({ field: "t", partitionByFields: [field], range: { step: 1, bounds: some } })),
      ),
      { field: "t", partitionByFields: ["b"], range: { step: new Double(2), bounds: "full" } },
      { field: "t", partitionByFields: ["b", "t"], range: { step: 1, bounds: "full" } },
      { field: "b.t", partitionByFields: ["b"], range: { step: 1, bounds: [0, 2] } },
      { field: "b.t", partitionByFields: ["b.c"], range: { step: 1, bounds: [0, 2] } },
      { field: "_id", partitionByFields: ["t"], range: { step: 0.5, bounds: "full" } },
    ];
    return expectAlike(
      [rows, []].flatMap((documents) =>
        options.map(($densify) => ({ pipeline: [{ $densify }], documents, anyOrder: true })),
      ),
    );
  });

  test("$fill", () => {
    const rows: Document[] = [
      { _id: 1, t: 1, p: "a", v: 1 },
      { _id: 2, t: 2, p: "a", v: null, w: 5 },
      { _id: 3, t: 3, p: "b" },
      { _id: 4, t: 4, p: "a", v: 4 },
      { _id: 5, t: 5, p: "b", v: 7 },
    ];
    const options: Document[] = [
      { output: { v: { value: 0 } } },
      { output: { v: { value: "$t" }, "x.y": { value: "$p" } } },
      { sortBy: { t: 1 }, output: { v: { method: "linear" } } },
      { sortBy: { t: 1 }, output: { v: { method: "locf" }, w: { value: 1 } } },
      { sortBy: { t: 1 }, partitionBy: "$p", output: { v: { method: "locf" } } },
      { sortBy: { t: 1 }, partitionBy: { q: "$p" }, output: { v: { method: "linear" } } },
      { sortBy: { t: 1 }, partitionByFields: ["p"], output: { v: { method: "locf" } } },
      { sortBy: { t: 1 }, partitionByFields: ["p"], partitionBy: "$p", output: { v: { method: "locf" } } },
      { output: { v: { method: "locf" } } },
      { output: { v: { method: "linear" } } },
      { sortBy: { t: 1 }, output: { v: { method: "other" } } },
      { sortBy: { t: 1 }, output: { v: { method: "locf", value: 1 } } },
      { sortBy: { t: 1 }, output: { v: {} } },
      { sortBy: { t: 1 }, output: { v: 1 } },
      { sortBy: { t: 1 } },
      { sortBy: { t: 1 }, output: {} },
      { sortBy: { t: 1 }, output: { v: { value: 1 } }, extra: 1 },
      { sortBy: { t: 1 }, partitionByFields: "p", output: { v: { method: "locf" } } },
    ];
    return expectAlike(
      options.map(($fill) => ({ pipeline: [{ $fill }, { $sort: { _id: 1 } }], documents: rows })),
    );
  });
});
