/**
 * The stream against a real server: the filters that run while simulated alerts are ingested match exactly what
 * upstream and user stages match on a MongoDB server that holds what was known at each alert.
 * KOWALSKI_FILTER_ALERTS=36000 makes it the long one.
 */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Db, MongoClient } from "mongodb";
import { type FilterDocument, filterBatch, type Match, matchOf } from "../../src/filters/index.ts";
import { type Document, printJson } from "../../src/query/index.ts";
import { simulateRecords } from "../../src/sources/simulator/index.ts";
import type { AlertRecord, HistoryUpdate } from "../../src/store/index.ts";
import { type Survey, surveyByName, upstreamStages } from "../../src/surveys/index.ts";
import { surveyFilters } from "../query/filters/index.ts";
import { documentsFromWire, KEEP_TYPES } from "../query/oracle/wire.ts";
import { testDatabaseName, testMongod } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { filterDocument, openFilterBench } from "./support.ts";

const ALERTS = Number(process.env["KOWALSKI_FILTER_ALERTS"] ?? 2000);
const BATCH = 150;
/** Alerts that the server holds at a time, with all that was known at each. */
const HELD = 10 * BATCH;
const TIMEOUT_MS = 60_000 + 60 * ALERTS;
setDefaultTimeout(TIMEOUT_MS);

const PROGRAMS = [[1], [1, 2], [1, 2, 3]] as const;

const server = await testMongod();
const isMissing = skipOrFail(
  "a MongoDB server",
  typeof server === "string" ? undefined : server,
  typeof server === "string" ? server : "",
);
const survey = theSurvey();

function theSurvey(): Survey {
  const ztf = surveyByName("ZTF");
  if (ztf === undefined) throw new Error("ZTF is not registered");
  return ztf;
}

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

/** A server that holds alerts and, under the candid of each, the record of its object as it was then. */
class Oracle implements AsyncDisposable {
  readonly #client: MongoClient;
  readonly #db: Db;

  constructor(url: string) {
    this.#client = new MongoClient(url, KEEP_TYPES);
    this.#db = this.#client.db(testDatabaseName());
  }

  async hold(alerts: readonly AlertRecord[], records: readonly Document[]): Promise<void> {
    const aux = alerts.map(({ candid }, index) => ({ _id: candid, ...records[index] }));
    await this.#db.collection("alerts").insertMany(alerts.map(({ document }) => ({ ...document }) as object));
    await this.#db.collection("aux").insertMany(aux as unknown as object[]);
  }

  /** What a filter matches of the alerts that are held. */
  async matches({ _id, permissions, fv }: FilterDocument): Promise<string[]> {
    const upstream = upstreamStages(survey, permissions).map((stage) =>
      "$lookup" in stage
        ? { $lookup: { from: "aux", localField: "candid", foreignField: "_id", as: "aux" } }
        : stage,
    );
    const stages = JSON.parse(fv[0]?.pipeline ?? "[]") as Document[];
    const cursor = this.#db.collection("alerts").aggregate([...upstream, ...stages] as object[], KEEP_TYPES);
    const rows = documentsFromWire(await cursor.toArray());
    return rows.map((row) => textOf(_id, row["_id"], row["annotations"]));
  }

  async forget(): Promise<void> {
    await this.#db.dropDatabase();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.forget();
    await this.#client.close();
  }
}

describe.skipIf(isMissing)("the stream and a real server", () => {
  const matches: Match[] = [];
  const expected: string[] = [];
  const errors = new Map<string, number>();

  beforeAll(async () => {
    await using oracle = new Oracle(typeof server === "string" ? "" : server.url);
    const bench = await openFilterBench(FILTERS);
    const known = new KnownObjects();
    const stream = simulateRecords({ alerts: ALERTS, nights: 12, cutouts: false });
    let held = 0;
    for (const batch of batches(stream.map(({ record }) => survey.map(record)))) {
      const entries = await filterBatch(batch, bench.registry, bench.reader);
      await bench.write(batch, entries);
      matches.push(...entries.map(matchOf));
      await oracle.hold(
        batch,
        batch.map((alert) => known.take(alert)),
      );
      held += batch.length;
      if (held % HELD > 0 && held < ALERTS) continue;
      for (const filter of FILTERS) expected.push(...(await oracle.matches(filter)));
      await oracle.forget();
    }
    for (const { filter, tally } of bench.registry.takeTallies()) {
      errors.set(filter, (errors.get(filter) ?? 0) + tally.errors);
    }
    await bench.close();
  }, TIMEOUT_MS);

  test("filters select something, and not everything", () => {
    const counts = Map.groupBy(matches, ({ filter }) => filter);
    expect(counts.size).toBeGreaterThan(FILTERS.length / 2);
    for (const found of counts.values()) expect(found.length).toBeLessThan(ALERTS);
    process.stderr.write(`${matches.length} matches of ${FILTERS.length} filters in ${ALERTS} alerts\n`);
  });

  for (const [number, { name }] of surveyFilters.entries()) {
    test(name, () => {
      for (const { _id: key } of FILTERS.slice(3 * number, 3 * number + 3)) {
        const found = matches.filter(({ filter }) => filter === key);
        expect(errors.get(key)).toBe(0);
        expect(found.map(({ candid, annotations }) => textOf(key, candid, annotations)).sort()).toEqual(
          expected.filter((text) => text.startsWith(`${key} `)).sort(),
        );
      }
    });
  }
});

function* batches(alerts: Iterable<AlertRecord>): Generator<AlertRecord[]> {
  let batch: AlertRecord[] = [];
  for (const alert of alerts) {
    batch.push(alert);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
