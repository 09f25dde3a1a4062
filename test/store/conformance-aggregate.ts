/** What every store must do with pipelines. */
import { expect, test } from "bun:test";
import { Double } from "bson";
import { type Document, QueryError } from "../../src/query/index.ts";
import type { AggregateRequest } from "../../src/store/index.ts";
import type { Asker } from "./conformance.ts";
import { alert, COLLECTIONS, history } from "./records.ts";

const { alerts: ALERTS, aux: AUX } = COLLECTIONS;
const BASE = 1127561440015015001n;
const COUNT = 40;

/** `COUNT` alerts of ten objects, with histories, and a catalogue. */
async function fill(asker: Asker): Promise<void> {
  const records = Array.from({ length: COUNT }, (_, i) =>
    alert(BASE + BigInt(i), `obj${i % 10}`, {
      jd: 2460000.5 + i / 10,
      ra: 100 + i / 100,
      dec: -30,
      drb: i / COUNT,
      histories: [history("prv_candidates", [i, i + 1])],
    }),
  );
  await asker.write(records);
  await asker.under.store.insert("catalog", [
    { _id: 1, name: "obj1", class: "SN" },
    { _id: 2, name: "obj2", class: "AGN" },
    { _id: 3, name: "obj1", class: "CV" },
  ]);
}

export function aggregateTests(ask: () => Asker): void {
  let filled: Promise<void> | undefined;
  const run = async (
    collection: string,
    pipeline: Document[],
    more: Partial<AggregateRequest> = {},
  ): Promise<Document[]> => {
    filled ??= fill(ask());
    await filled;
    const request = { collection, pipeline, maxTimeMs: 10_000, ...more };
    return Array.fromAsync(ask().under.store.aggregate(request).documents());
  };
  const explain = async (pipeline: Document[], more: Partial<AggregateRequest> = {}) => {
    filled ??= fill(ask());
    await filled;
    return ask().under.store.explainAggregate({ collection: ALERTS, pipeline, maxTimeMs: 10_000, ...more });
  };

  test("stages run one after the other, values keep their types", async () => {
    const pipeline = [
      { $match: { "candidate.jd": { $gte: 2460003.5 } } },
      { $group: { _id: "$objectId", n: { $sum: 1 }, last: { $max: "$candid" } } },
      { $sort: { _id: 1 } },
      { $limit: 2 },
    ];
    expect(await run(ALERTS, pipeline)).toEqual([
      { _id: "obj0", n: 1, last: BASE + 30n },
      { _id: "obj1", n: 1, last: BASE + 31n },
    ]);
  });

  test("JSON has exact integers and doubles", async () => {
    await run(ALERTS, []);
    const request = {
      collection: ALERTS,
      pipeline: [{ $match: { candid: BASE } }, { $project: { exptime: "$candidate.exptime" } }],
      maxTimeMs: 10_000,
    };
    const chunks = await Array.fromAsync(ask().under.store.aggregate(request).json());
    expect(chunks.join("")).toBe(`{"_id":${BASE},"exptime":30.0}`);
  });

  test("an unknown collection is an empty one", async () => {
    expect(await run("nowhere", [{ $match: {} }])).toEqual([]);
    expect(await run("nowhere", [{ $facet: { n: [{ $count: "n" }] } }])).toEqual([{ n: [] }]);
  });

  test("the history of an object is there for a pipeline", async () => {
    const pipeline = [
      { $match: { _id: "obj3" } },
      { $unwind: "$prv_candidates" },
      { $match: { "prv_candidates.jd": { $gt: 20 } } },
      { $sort: { "prv_candidates.jd": 1 } },
      { $project: { _id: 0, jd: "$prv_candidates.jd" } },
    ];
    expect(await run(AUX, pipeline)).toEqual([{ jd: 23 }, { jd: 24 }, { jd: 33 }, { jd: 34 }]);
  });

  test("a leading $match, a $sort behind it and a hint choose the index", async () => {
    const byObject = await explain([{ $match: { objectId: "obj3" } }, { $count: "n" }]);
    expect(byObject.index).not.toBeNull();
    expect(byObject.documentsExamined).toBeLessThanOrEqual(6);
    expect(byObject.documentsReturned).toBe(1);
    const twice = await explain([{ $match: { "candidate.exptime": 30 } }, { $match: { candid: BASE + 1n } }]);
    expect(twice.index).not.toBeNull();
    expect(twice.documentsExamined).toBeLessThanOrEqual(2);
    const latest = await explain([{ $sort: { candid: -1 } }, { $limit: 3 }]);
    expect(latest.documentsExamined).toBeLessThan(COUNT);
    const scan = await explain([{ $match: { "candidate.exptime": 30 } }]);
    expect(scan.documentsExamined).toBe(COUNT);
    const wrong = await explain([{ $match: {} }], { hint: "nonsense" }).catch((error: unknown) => error);
    expect(wrong).toBeInstanceOf(QueryError);
  });

  test("sorting by an index gives the same as sorting", async () => {
    const pipeline = [
      { $match: { "candidate.drb": { $gte: 0.5 } } },
      { $sort: { "candidate.drb": -1 } },
      { $skip: 2 },
      { $limit: 3 },
      { $project: { _id: 1 } },
    ];
    expect(await run(ALERTS, pipeline)).toEqual([37n, 36n, 35n].map((i) => ({ _id: BASE + i })));
    expect(await run(ALERTS, pipeline, { hint: { $natural: 1 } })).toEqual(await run(ALERTS, pipeline));
  });

  test("explain counts what each stage and condition lets through", async () => {
    const { stages } = await explain([
      { $match: { objectId: "obj3", "candidate.drb": { $gt: 0.5 } } },
      { $group: { _id: null, n: { $sum: 1 } } },
    ]);
    expect(stages.map(({ stage, documentsIn, documentsOut }) => [stage, documentsIn, documentsOut])).toEqual([
      ["$match", 4, 2],
      ["$group", 2, 1],
    ]);
    const conditions = stages[0]?.conditions ?? [];
    expect(conditions.map(({ at, documentsIn, documentsOut }) => [at, documentsIn, documentsOut])).toEqual([
      ["pipeline[0].$match.objectId", 4, 4],
      ["pipeline[0].$match.candidate.drb.$gt", 4, 2],
    ]);
  });

  test("other collections are joined, by their indexes", async () => {
    const joined = await run("catalog", [
      {
        $lookup: {
          from: ALERTS,
          localField: "name",
          foreignField: "objectId",
          pipeline: [{ $sort: { candid: 1 } }, { $limit: 1 }, { $project: { _id: 0, candid: 1 } }],
          as: "alerts",
        },
      },
      { $sort: { _id: 1 } },
      { $project: { class: 1, alerts: 1 } },
    ]);
    expect(joined).toEqual([
      { _id: 1, class: "SN", alerts: [{ candid: BASE + 1n }] },
      { _id: 2, class: "AGN", alerts: [{ candid: BASE + 2n }] },
      { _id: 3, class: "CV", alerts: [{ candid: BASE + 1n }] },
    ]);
    const history = await run(ALERTS, [
      { $match: { candid: BASE + 5n } },
      { $lookup: { from: AUX, localField: "objectId", foreignField: "_id", as: "aux" } },
      { $project: { _id: 0, jds: { $arrayElemAt: ["$aux.prv_candidates.jd", 0] } } },
    ]);
    expect(history).toEqual([{ jds: [5, 6, 15, 16, 25, 26, 35, 36] }]);
    const both = await run("catalog", [
      { $match: { _id: 1 } },
      { $unionWith: "nowhere" },
      { $unionWith: "catalog" },
    ]);
    expect(both.map((document) => document["_id"])).toEqual([1, 1, 2, 3]);
  });

  test("$geoNear finds what is near, nearest first, by the index", async () => {
    const near = { type: "Point", coordinates: [100.1 - 180, -30] };
    const pipeline = [
      { $geoNear: { near, distanceField: "distance", maxDistance: 1500 } },
      { $project: { _id: 1, distance: { $trunc: ["$distance", -2] } } },
    ];
    expect(await run(ALERTS, pipeline)).toEqual([
      { _id: BASE + 10n, distance: new Double(0) },
      ...[9n, 11n].map((i) => ({ _id: BASE + i, distance: new Double(900) })),
    ]);
    const { index, documentsExamined } = await explain(pipeline);
    expect(index).not.toBeNull();
    expect(documentsExamined).toBeLessThan(COUNT);
  });

  test("errors name the place in the pipeline, and a time limit ends it", async () => {
    const wrong = await run(ALERTS, [{ $match: { objectId: { $gtt: 1 } } }]).catch((error: unknown) => error);
    expect(String(wrong)).toContain("pipeline[0].$match.objectId.$gtt");
    const writing = await run(ALERTS, [{ $out: "stolen" }]).catch((error: unknown) => error);
    expect(writing).toBeInstanceOf(QueryError);
  });
}
