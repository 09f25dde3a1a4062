/**
 * The stream against a real server: the filters that run while simulated alerts are ingested match exactly what
 * upstream and user stages match on a MongoDB server that holds what was known at each alert.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { MongoClient } from "mongodb";
import { filterBatch, type Match, matchOf } from "../../src/filters/index.ts";
import { type Document, printJson } from "../../src/query/index.ts";
import { simulateRecords } from "../../src/sources/simulator/index.ts";
import type { AlertRecord, HistoryUpdate } from "../../src/store/index.ts";
import { surveyByName, upstreamStages } from "../../src/surveys/index.ts";
import { surveyFilters } from "../query/filters/index.ts";
import { documentsFromWire, KEEP_TYPES } from "../query/oracle/wire.ts";
import { testDatabaseName, testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { type FilterBench, filterDocument, openFilterBench } from "./support.ts";

setDefaultTimeout(120_000);

const ALERTS = 2000;
const BATCH = 150;
const PROGRAMS = [[1], [1, 2], [1, 2, 3]] as const;

const server = await testMongod();
const isMissing = skipOrFail(
  "a MongoDB server",
  typeof server === "string" ? undefined : server,
  typeof server === "string" ? server : "",
);
const ztf = surveyByName("ZTF");
if (ztf === undefined) throw new Error("ZTF is not registered");

/** Each filter with each set of permissions; numbered, so that a match names both. */
const FILTERS = surveyFilters.flatMap(({ pipeline }, filter) =>
  PROGRAMS.map((permissions, set) =>
    filterDocument(10 * filter + set + 1, [...pipeline], { permissions: [...permissions] }),
  ),
);

/** What is known of objects, by rules written down once more. */
class KnownObjects {
  readonly #objects = new Map<
    string,
    Map<string, Map<string, { row: Document; jd: number; rank: number }>>
  >();

  /** Takes in an alert and answers the aux document as it is then. */
  take({ objectId, histories }: AlertRecord): Document {
    const known =
      this.#objects.get(objectId) ??
      new Map(histories.filter(({ startsRecord }) => startsRecord).map(({ field }) => [field, new Map()]));
    this.#objects.set(objectId, known);
    for (const update of histories) this.#merge(known.get(update.field), update);
    const aux: Document = { cross_matches: {} };
    for (const [field, rows] of known) {
      aux[field] = [...rows.values()].sort((a, b) => a.jd - b.jd).map(({ row }) => row);
    }
    return aux;
  }

  #merge(
    rows: Map<string, { row: Document; jd: number; rank: number }> | undefined,
    { rows: given, keys, jds, merge, rank = Number.POSITIVE_INFINITY }: HistoryUpdate,
  ): void {
    given.forEach((row, index) => {
      const key = keys[index] ?? "";
      const known = rows?.get(key);
      const isBetter = known !== undefined && merge === "lowest-rank" && rank < known.rank;
      if (known === undefined || isBetter) rows?.set(key, { row, jd: jds[index] ?? 0, rank });
    });
  }
}

/** What a match is compared by. */
const textOf = (filter: string, candid: unknown, annotations: unknown) =>
  `${filter} ${String(candid)} ${printJson((annotations ?? {}) as Document)}`;

describe.skipIf(isMissing)("the stream and a real server", () => {
  let bench: FilterBench;
  const client = typeof server === "string" ? undefined : new MongoClient(server.url, KEEP_TYPES);
  const db = client?.db(testDatabaseName());
  const matches: Match[] = [];
  const errors = new Map<string, number>();

  beforeAll(async () => {
    bench = await openFilterBench(FILTERS);
    const records = Array.from(
      simulateRecords({ alerts: ALERTS, nights: 12, cutouts: false }),
      ({ record }) => ztf.map(record),
    );
    const known = new KnownObjects();
    for (let at = 0; at < records.length; at += BATCH) {
      const batch = records.slice(at, at + BATCH);
      const entries = await filterBatch(batch, bench.registry, bench.reader);
      await bench.write(batch, entries);
      matches.push(...entries.map(matchOf));
      await db?.collection("alerts").insertMany(batch.map(({ document }) => ({ ...document }) as object));
      const aux = batch.map((alert) => ({ _id: alert.candid, ...known.take(alert) }));
      await db?.collection("aux").insertMany(aux as unknown as object[]);
    }
    for (const { filter, tally } of bench.registry.takeTallies()) {
      errors.set(filter, (errors.get(filter) ?? 0) + tally.errors);
    }
  });
  afterAll(async () => {
    await bench.close();
    await db?.dropDatabase();
    await client?.close();
  });

  test("filters select something, and not everything", () => {
    const counts = Map.groupBy(matches, ({ filter }) => filter);
    expect(counts.size).toBeGreaterThan(FILTERS.length / 2);
    for (const found of counts.values()) expect(found.length).toBeLessThan(ALERTS);
  });

  for (const [number, { name }] of surveyFilters.entries()) {
    test(name, async () => {
      for (const { _id: key, permissions, fv } of FILTERS.slice(3 * number, 3 * number + 3)) {
        const stages = JSON.parse(fv[0]?.pipeline ?? "[]") as Document[];
        const upstream = upstreamStages(ztf, permissions).map((stage) =>
          // Of each alert the record as it was then, instead of the object's latest.
          "$lookup" in stage
            ? { $lookup: { from: "aux", localField: "candid", foreignField: "_id", as: "aux" } }
            : stage,
        );
        const answer = await db
          ?.collection("alerts")
          .aggregate([...upstream, ...stages] as object[], KEEP_TYPES)
          .toArray();
        const expected = documentsFromWire(answer ?? []).map(({ _id, annotations }) =>
          textOf(key, _id, annotations),
        );
        const found = matches.filter(({ filter }) => filter === key);
        expect(errors.get(key)).toBe(0);
        expect(found.map(({ candid, annotations }) => textOf(key, candid, annotations)).sort()).toEqual(
          expected.sort(),
        );
      }
    });
  }
});
