/**
 * How quickly positions are looked up in a large catalogue: the embedded store beside a local mongod with the
 * same index, in one run: `bun bench/cone.ts [ROWS [CONES]]` (default 200000 rows, 1000 cones).
 */
import { type Db, MongoClient } from "mongodb";
import type { Document } from "../src/query/index.ts";
import {
  type ConesRequest,
  openEmbeddedStore,
  openStore,
  POSITION_INDEX,
  type Store,
} from "../src/store/index.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { testDatabaseName, testMongod } from "../test/support/mongod.ts";
import { randomNumbers } from "../test/support/random.ts";
import { catalogRow, pointsOf, type SkyPoint } from "../test/support/sky.ts";

const ROWS = Number(process.argv[2] ?? 200_000);
const CONES = Number(process.argv[3] ?? 1000);
const CHUNK = 5000;
const CATALOG = "stars";
const LONG_MS = 600_000;
/** Documents so near an edge that a server's rounding decides: some where a pole is crowded with rows. */
const MOST_AT_EDGE = 5;
/** Radii that users ask for, degrees. */
const RADII = [2 / 3600, 30 / 3600, 5 / 60, 1, 5] as const;

/** Times of one kind, milliseconds. */
class Times {
  readonly #times: number[] = [];

  async measure<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const value = await work();
    this.#times.push(performance.now() - began);
    return value;
  }

  at(share: number): number {
    const sorted = this.#times.toSorted((a, b) => a - b);
    return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
  }

  toString(): string {
    return `p50 ${this.at(0.5).toFixed(2)}, p99 ${this.at(0.99).toFixed(2)} ms`;
  }
}

async function load(insert: (documents: Document[]) => Promise<unknown>, points: readonly SkyPoint[]) {
  const began = performance.now();
  for (let from = 0; from < points.length; from += CHUNK) {
    await insert(points.slice(from, from + CHUNK).map((point, index) => catalogRow(from + index, point)));
  }
  return Math.round(points.length / ((performance.now() - began) / 1000));
}

const filterOf = ([ra, dec]: SkyPoint, radius: number): Document => ({
  "coordinates.radec_geojson": { $geoWithin: { $centerSphere: [[ra - 180, dec], (radius * Math.PI) / 180] } },
});

async function oneByOne(store: Store, db: Db | undefined, centres: readonly SkyPoint[], radius: number) {
  const ours = new Times();
  const theirs = new Times();
  let found = 0;
  for (const centre of centres) {
    const filter = filterOf(centre, radius);
    const documents = await ours.measure(() =>
      Array.fromAsync(store.find({ collection: CATALOG, filter, maxTimeMs: LONG_MS }).documents()),
    );
    found += documents.length;
    const same = await theirs.measure(async () => db?.collection(CATALOG).find(filter).toArray());
    if (same !== undefined && Math.abs(same.length - documents.length) > MOST_AT_EDGE)
      throw new Error(
        `${documents.length} documents instead of ${same.length} within ${radius}° of ${centre}`,
      );
  }
  const ratio =
    db === undefined ? "" : `; mongod ${theirs}; median ${(ours.at(0.5) / theirs.at(0.5)).toFixed(2)} of it`;
  console.log(
    `radius ${(radius * 3600).toFixed(0)}": ${(found / centres.length).toFixed(1)} rows each; embedded ${ours}${ratio}`,
  );
}

async function together(name: string, store: Store, centres: readonly SkyPoint[], radius: number) {
  const request: ConesRequest = {
    collection: CATALOG,
    targets: centres.map(([ra, dec], index) => ({ key: String(index), longitude: ra - 180, latitude: dec })),
    radius,
    filter: {},
    maxTimeMs: LONG_MS,
  };
  const began = performance.now();
  let length = 0;
  for await (const piece of store.cones(request)) length += piece.length;
  const ms = performance.now() - began;
  console.log(
    `${centres.length} cones of ${radius * 3600}" in one request, ${name}: ${ms.toFixed(0)} ms, ${length} characters`,
  );
}

using folder = temporaryFolder();
const points = pointsOf(ROWS, 1);
const random = randomNumbers(2);
/** Half of them round a row, as cross-matches are; half anywhere. */
const centres = Array.from({ length: CONES }, (_, index) => {
  const row = points[Math.floor(random() * points.length)] ?? [0, 0];
  return index % 2 === 0 ? row : (pointsOf(1, index + 3)[0] ?? row);
});
const store = await openEmbeddedStore({ dataDir: folder.path });
const server = await testMongod();
if (typeof server === "string") console.log(`no mongod to compare with: ${server}`);
const client = typeof server === "string" ? undefined : new MongoClient(server.url);
const db = client?.db(testDatabaseName());
try {
  await store.ensureIndexes(CATALOG, [POSITION_INDEX]);
  console.log(
    `${ROWS} rows: embedded ${await load((documents) => store.insert(CATALOG, documents), points)} rows/s`,
  );
  if (db !== undefined) {
    await db.collection(CATALOG).createIndex({ "coordinates.radec_geojson": "2dsphere" });
    console.log(
      `mongod ${await load((rows) => db.collection(CATALOG).insertMany(rows as never[]), points)} rows/s`,
    );
  }
  for (const radius of RADII)
    await oneByOne(store, db, radius > 0.5 ? centres.slice(0, 200) : centres, radius);
  await together("embedded", store, centres, RADII[0]);
  if (db !== undefined && typeof server !== "string") {
    const url = new URL(server.url);
    url.pathname = `/${db.databaseName}`;
    const theirs = await openStore({ kind: "mongo", url: url.href, allowStandalone: true });
    await together("mongod", theirs, centres, RADII[0]);
    await theirs.close();
  }
} finally {
  await db?.dropDatabase();
  await client?.close();
  await store.close();
}
