/**
 * Two servers of the executable, one on the embedded store and one on MongoDB, with the same alerts, the same
 * catalogue and the same collections of odd documents: the oracle's random queries, sent to both as users send
 * them, get the same answers, types included, or an error from both. What may differ is in docs/differences.md.
 *
 * KOWALSKI_STORES_CASES=10000 makes it a long one, KOWALSKI_STORES_SEED repeats a run.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { type Document, parseJson, printJson, type Value } from "../../src/query/index.ts";
import { openStore, type StoreSettings } from "../../src/store/index.ts";
import { agree, printOutcome } from "../query/oracle/campaign.ts";
import type { Outcome, Query } from "../query/oracle/cases.ts";
import { anyGeometry, anyGeoTest } from "../query/oracle/geo.ts";
import { KINDS } from "../query/oracle/kinds.ts";
import { Random } from "../query/oracle/random.ts";
import { type Broken, type Places, ServedStore } from "../query/oracle/served.ts";
import { withBarriers, withOther } from "../query/oracle/server.ts";
import { shrink } from "../query/oracle/shrink.ts";
import { documentsFromWire, KEEP_TYPES, printValue } from "../query/oracle/wire.ts";
import { Client } from "../support/client.ts";
import { type RunningServe, runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";

const CASES = Number(process.env["KOWALSKI_STORES_CASES"] ?? 400);
const SEED = Number(process.env["KOWALSKI_STORES_SEED"] ?? 1);
/** Cases over the same documents, and places with documents of their own. */
const BATCH = 10;
const PLACES = Math.min(60, Math.ceil(CASES / BATCH / 2));
const AT_ONCE = 4;
const MOST_DIFFERENCES = 5;
const ALERTS = 60;
const ROWS = 80;
const TIMEOUT_MS = 60_000 + CASES * 100;
const PASSWORD = "observatory";
const POSITION = "coordinates.radec_geojson";
/** Kinds of cases over what alerts and catalogues hold, whatever it is. */
const ANYWHERE = "filter filter sort projection projection expression expression pipeline window".split(" ");

/** A collection, its documents as the generators see them, and the kind of its cases. */
interface Subject extends Places {
  readonly documents: readonly Document[];
  readonly kind?: string;
}

interface Found {
  readonly embedded: Outcome | Broken;
  readonly mongo: Outcome | Broken;
}

const mongo = await testReplicaSet();
const skip = skipOrFail("a MongoDB replica set", typeof mongo !== "string", String(mongo));

describe.skipIf(skip)("the API on both stores", () => {
  const folder = temporaryFolder();
  const name = testDatabaseName();
  const server = typeof mongo === "string" ? "" : mongo.url;
  const settings: Record<"embedded" | "mongo", StoreSettings> = {
    embedded: { kind: "embedded", dataDir: join(folder.path, "embedded") },
    mongo: { kind: "mongo", url: server.replace("/?", `/${name}?`) },
  };
  const subjects: Subject[] = [];
  const running: RunningServe[] = [];
  const driver = new MongoClient(server, KEEP_TYPES);
  let embedded: ServedStore;
  let onMongo: ServedStore;

  beforeAll(async () => {
    // The engine that all versions share; the other gives other answers in corners.
    const engine = { setParameter: 1, internalQueryForceClassicEngine: true };
    await driver.db("admin").command(engine);
    const archive = join(folder.path, "sim.tar.gz");
    const simulated = ["simulate", "--out", archive, "--alerts", String(ALERTS), "--seed", "7"];
    expect((await runExecutable(simulated)).code).toBe(0);
    const stars = join(folder.path, "stars.csv");
    writeFileSync(stars, catalogue());
    const places = Array.from({ length: PLACES }, (_, number) => placeOf(number));
    [embedded, onMongo] = await Promise.all([
      fillAndServe("embedded", archive, stars, places),
      fillAndServe("mongo", archive, stars, places),
    ]);
    subjects.push(...places);
    const other = places[0]?.other ?? "";
    for (const collection of ["ZTF_alerts", "ZTF_alerts_aux", "stars"]) {
      const all = await embedded.run({ kind: "find", filter: {} }, { collection, other });
      if (!("documents" in all)) throw new Error(`${collection}: ${printFound(all)}`);
      subjects.push({ collection, other, documents: all.documents });
    }
  }, TIMEOUT_MS);

  afterAll(async () => {
    for (const each of running) await each.stop();
    await driver.db(name).dropDatabase();
    await driver.close();
    folder[Symbol.dispose]();
  });

  /** Loads what all queries read, and serves it. */
  async function fillAndServe(
    kind: "embedded" | "mongo",
    archive: string,
    stars: string,
    places: readonly (Subject & { others: Document[] })[],
  ): Promise<ServedStore> {
    const dataDir = join(folder.path, kind);
    mkdirSync(dataDir);
    const config = join(folder.path, `${kind}.yaml`);
    writeFileSync(config, JSON.stringify({ server: { admin_password: PASSWORD } }));
    const { [kind]: kept } = settings;
    const on = ["--data-dir", dataDir, "--config", config, ...("url" in kept ? ["--store", kept.url] : [])];
    for (const words of [
      ["ingest", archive],
      ["catalog", "load", stars, "--name", "stars", "--id", "id", "--index", "mag"],
    ]) {
      const done = await runExecutable([...words, ...on]);
      expect([done.code, done.stderr]).toEqual([0, expect.any(String)]);
    }
    const store = await openStore(kept, { readers: 1 });
    for (const { collection, other, documents, others, kind: which } of places) {
      if (KINDS[which ?? ""]?.indexed === true) await indexPlaces(store, collection);
      await store.insert(collection, documents);
      await store.insert(other, others);
    }
    await store.close();
    const serve = await startServe(dataDir, { words: on.slice(2), timeoutMs: 60_000 });
    running.push(serve);
    return new ServedStore(serve.url, (await Client.login(serve.url, "admin", PASSWORD)).token);
  }

  /** The indexes that searches for what is near need on a server; that of the plane is none of Kowalski's. */
  async function indexPlaces(store: Awaited<ReturnType<typeof openStore>>, collection: string) {
    await store.ensureIndexes(collection, [{ name: "place", keys: [["o.p", "2dsphere"]], unique: false }]);
    if (store.kind === "mongo") await driver.db(name).collection(collection).createIndex({ q: "2d" });
  }

  async function ask(query: Query, subject: Subject): Promise<Found> {
    const [one, two] = await Promise.all([embedded.run(query, subject), onMongo.run(query, subject)]);
    return { embedded: one, mongo: two };
  }

  /** Whether both gave the same answer, or an error that the server gives too when it is asked without us. */
  async function isSame(query: Query, subject: Subject, found: Found): Promise<boolean> {
    if ("broken" in found.embedded || "broken" in found.mongo) return false;
    const isAnswered = "documents" in found.embedded && "documents" in found.mongo;
    if (agree(query, found.mongo, found.embedded) && isAnswered) return true;
    // The server may move stages, and meet another error than the one that is met as it is written.
    return agree(query, await askServer(query, subject), found.embedded);
  }

  async function askServer(query: Query, { collection, other }: Places): Promise<Outcome> {
    const db = driver.db(name);
    const { kind, anyOrder: _, ...find } = query;
    const command =
      kind === "find"
        ? { find: collection, ...find }
        : {
            aggregate: collection,
            pipeline: withBarriers(withOther(query.pipeline, other)) as Document[],
            cursor: {},
          };
    try {
      const answer = await db.runCursorCommand(command, KEEP_TYPES).toArray();
      return { documents: documentsFromWire(answer).map((each) => parseJson(printJson(each)) as Document) };
    } catch (error) {
      return { error: String(error), refused: false };
    }
  }

  async function countsAlike(filter: Document, subject: Subject): Promise<boolean> {
    const [one, two] = await Promise.all([embedded.count(filter, subject), onMongo.count(filter, subject)]);
    if ("broken" in one || "broken" in two) return false;
    return agree({ kind: "find", filter }, two, one);
  }

  test(
    `${CASES} random queries`,
    async () => {
      let asked = 0;
      let answered = 0;
      let next = 0;
      const different: string[] = [];
      const batch = async (random: Random, subject: Subject) => {
        for (let i = 0; i < BATCH && different.length < MOST_DIFFERENCES; i++) {
          const query = queryOf(random, subject);
          const found = await ask(query, subject);
          asked++;
          if ("documents" in found.embedded && "documents" in found.mongo) answered++;
          if (!(await isSame(query, subject, found))) different.push(await explained(query, subject));
          else if (query.kind === "find" && !(await countsAlike(query.filter, subject))) {
            different.push(`count_documents of ${subject.collection}: ${printValue(query.filter)}`);
          }
        }
      };
      const work = async () => {
        while (next < CASES / BATCH && different.length < MOST_DIFFERENCES) {
          const number = next++;
          const random = new Random(SEED + number);
          const half = number % 2 === 0 ? subjects.slice(0, PLACES) : subjects.slice(PLACES);
          const subject = half[(number >> 1) % half.length];
          if (subject !== undefined) await batch(random, subject);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      process.stderr.write(`stores: ${asked} queries, ${answered} answered, KOWALSKI_STORES_SEED=${SEED}\n`);
      expect(different.join("\n")).toBe("");
      expect(answered).toBeGreaterThan(asked / 3);
    },
    TIMEOUT_MS,
  );

  /** The smallest form of a query whose answers differ, with both. */
  async function explained(query: Query, subject: Subject): Promise<string> {
    const differs = async (smaller: { query: Query }) =>
      !(await isSame(smaller.query, subject, await ask(smaller.query, subject)));
    const smallest = await shrink({ query, documents: [], other: [] }, differs);
    const found = await ask(smallest.query, subject);
    return [
      `${subject.collection} (other: ${subject.other}), KOWALSKI_STORES_SEED=${SEED}`,
      `  query:    ${printValue(smallest.query as unknown as Value)}`,
      `  embedded: ${printFound(found.embedded)}`,
      `  mongo:    ${printFound(found.mongo)}`,
    ].join("\n");
  }
});

const printFound = (found: Outcome | Broken) =>
  "broken" in found ? `BROKEN ${found.broken}` : printOutcome(found).slice(0, 2000);

/** The documents of a place for one kind of cases. */
function placeOf(number: number): Subject & { others: Document[] } {
  const kinds = Object.keys(KINDS);
  const kind = kinds[number % kinds.length] ?? "";
  const random = new Random(1000 * SEED + number);
  const documents = KINDS[kind]?.documents(random, random.int(4, 12)) ?? [];
  const others = KINDS[kind]?.documents(random, 4, 100) ?? [];
  return { collection: `odd_${number}`, other: `odd_${number}_other`, kind, documents, others };
}

/** The rows of a catalogue: integers to beyond 2^53, doubles, texts, and nothing in some. */
function catalogue(): string {
  const random = new Random(SEED);
  const rows = Array.from({ length: ROWS }, (_, id) =>
    [
      id,
      (random.next() * 360).toFixed(6),
      (random.next() * 180 - 90).toFixed(6),
      random.chance(0.8) ? (10 + random.int(0, 80) / 8).toString() : "",
      random.pick(["a", "ab", "A", "é", "x.y", ""]),
      random.pick(["0", "1", "-1", "9007199254740993", "1127561440015015001"]),
      random.int(-3, 10),
    ].join(),
  );
  return `id,ra,dec,mag,name,big,n\n${rows.join("\n")}\n`;
}

/** A random query over a subject's documents. */
function queryOf(random: Random, { collection, kind, documents }: Subject): Query {
  if (kind !== undefined) return queryOfKind(random, kind, documents);
  // Records of objects have no position.
  if (collection !== "ZTF_alerts_aux" && random.chance(0.15)) {
    return { kind: "find", filter: { [POSITION]: placeTest(random) }, anyOrder: true };
  }
  const query = queryOfKind(random, random.pick(ANYWHERE), documents);
  if (query.kind === "find") return { ...query, ...(query.sort === undefined && { anyOrder: true }) };
  // Alerts and rows of catalogues come by whichever index serves.
  const [first] = query.pipeline;
  const lead = first !== undefined && "$match" in first ? 1 : 0;
  return { ...query, pipeline: query.pipeline.toSpliced(lead, 0, { $sort: { _id: 1 } }) };
}

function queryOfKind(random: Random, kind: string, documents: readonly Document[]): Query {
  const query = KINDS[kind]?.query(random, documents);
  if (query === undefined) throw new Error(`unknown kind ${kind}`);
  return query;
}

function placeTest(random: Random): Document {
  const operator = random.pick(["$geoWithin", "$geoWithin", "$geoIntersects", "$nearSphere"] as const);
  if (operator === "$nearSphere") return { $nearSphere: { $geometry: anyGeometry(random) } };
  return { [operator]: anyGeoTest(random, operator) };
}
