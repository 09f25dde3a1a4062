/**
 * Prints what cross-matching costs on ingest: `bun bench/crossmatch.ts [ROWS [ALERTS [FOLDER]]]`, by default ten
 * catalogues of a million rows each and 3,000 alerts.
 *
 * The same alerts in one run: through the mapped positions of the embedded store, through the index of that store,
 * the same two on a mongod, and with one query of that mongod per alert and catalogue, as the original does. Half
 * of the alerts lie on a row of some catalogue. FOLDER keeps the embedded catalogues for another run, and so does a
 * server that KOWALSKI_TEST_MONGO names (give it memory: the one that is started here has a cache of 256 MB).
 */
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { buildSkyIndex, type CrossMatchConfig, CrossMatcher } from "../src/enrich/crossmatch/index.ts";
import { SkyIndexes } from "../src/enrich/crossmatch/sky-index.ts";
import { type Document, double } from "../src/query/index.ts";
import {
  type AlertReader,
  type AlertRecord,
  catalogEncoder,
  openAlertReader,
  openCatalogWriter,
  openStore,
  POSITION_INDEX,
  positionOf,
  type StoreSettings,
} from "../src/store/index.ts";
import { surveyByName } from "../src/surveys/index.ts";
import { ztfAlert } from "../test/support/api.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { testMongod } from "../test/support/mongod.ts";
import { randomNumbers } from "../test/support/random.ts";

const ROWS = Number(process.argv[2] ?? 1_000_000);
const ALERTS = Number(process.argv[3] ?? 3000);
const BATCH = 300;
/** Queries of single alerts are slow: so many alerts tell their rate. */
const SINGLE = 300;
const CATALOGS = 10;
const DATABASE = "kowalski_bench_crossmatch";
const ARCSEC = 1 / 3600;
const RADIUS_ARCSEC = 2;

/** Cones of 2 arcsec, and one catalogue of galaxies by their distance. */
const names = Array.from({ length: CATALOGS }, (_, n) => (n === 0 ? "galaxies" : `stars_${n}`));
const rules: CrossMatchConfig = {
  ZTF: {
    ...Object.fromEntries(
      Object.keys(surveyByName("ZTF")?.crossMatches ?? {}).map((name) => [name, undefined]),
    ),
    ...Object.fromEntries(
      names.map((name) => [
        name,
        name === "galaxies"
          ? { radius_arcsec: 300, distance: { field: "z" }, projection: { name: 1, z: 1 } }
          : { radius_arcsec: RADIUS_ARCSEC, projection: { mag: 1, mag_error: 1 } },
      ]),
    ),
  },
};

/** Where row `n` of a catalogue lies: anywhere on the sky, the same in every run. */
function placeOf(catalog: number, n: number): { ra: number; dec: number } {
  const hash = Bun.hash(`${catalog}/${n}`) as bigint;
  const ra = (Number(hash & 0xffffffffn) / 2 ** 32) * 360;
  return { ra, dec: (Math.asin(2 * (Number(hash >> 32n) / 2 ** 32) - 1) * 180) / Math.PI };
}

function rowOf(catalog: number, n: number): Document {
  const { ra, dec } = placeOf(catalog, n);
  return {
    _id: n,
    name: `S${catalog}-${n}`,
    ...{ ra: double(ra), dec: double(dec), mag: 15 + (n % 997) / 131, mag_error: 0.013 },
    ...{ parallax: (n % 89) / 97, parallax_error: 0.031, z: 0.0123 + (n % 1999) / 10_000 },
    coordinates: {
      radec_geojson: { type: "Point", coordinates: [double(ra - 180), double(dec)] },
      radec_str: ["12:34:56.7890", "-12:34:56.789"],
    },
  };
}

async function load(settings: StoreSettings): Promise<void> {
  const store = await openStore(settings);
  const encoder = await catalogEncoder(settings, [POSITION_INDEX]);
  for (const [catalog, name] of names.entries()) {
    if ((await store.estimatedCount(name)) === ROWS) continue;
    const began = performance.now();
    const writer = await openCatalogWriter(settings);
    const fingerprint = `${name} ${ROWS}`;
    const begun = await writer.begin({
      collection: name,
      mode: "replace",
      fingerprint,
      indexes: [POSITION_INDEX],
    });
    for (let n = Number(begun.progress?.["n"] ?? 0); n < ROWS; ) {
      const piece = Array.from({ length: Math.min(5000, ROWS - n) }, (_, i) => rowOf(catalog, n + i));
      n += piece.length;
      await writer.write(encoder.encode(piece), () => ({ n }));
    }
    await writer.finish({ loaded_at: new Date() });
    await writer.close();
    const seconds = (performance.now() - began) / 1000;
    console.error(`loaded ${name} into ${settings.kind}: ${seconds.toFixed(0)} s`);
  }
  await store.close();
}

/** Alerts of new objects: one half near rows, the other anywhere. */
function alerts(): AlertRecord[] {
  const random = randomNumbers(11);
  return Array.from({ length: ALERTS }, (_, n) => {
    const catalog = n % CATALOGS;
    const near = placeOf(catalog, Math.floor(random() * ROWS));
    const far = { ra: random() * 360, dec: (Math.asin(2 * random() - 1) * 180) / Math.PI };
    const { ra, dec } = n % 2 === 0 ? near : far;
    return ztfAlert(BigInt(n + 1), `object ${n}`, { ra, dec: Math.min(90, dec + random() * 1.5 * ARCSEC) });
  });
}

interface Measured {
  readonly perSecond: number;
  readonly matches: number;
}

/** Matches all alerts batch by batch, after a batch that warms up. */
async function batches(matcher: CrossMatcher, all: readonly AlertRecord[]): Promise<Measured> {
  await matcher.match(all.slice(0, BATCH));
  const began = performance.now();
  let matches = 0;
  for (let from = 0; from < all.length; from += BATCH) {
    for (const { crossMatches = {} } of await matcher.match(all.slice(from, from + BATCH))) {
      for (const list of Object.values(crossMatches)) matches += (list as Document[]).length;
    }
  }
  return { perSecond: (1000 * all.length) / (performance.now() - began), matches };
}

/** One query per alert and catalogue; `together`: those of an alert at once. */
async function single(url: string, all: readonly AlertRecord[], together: boolean): Promise<Measured> {
  const client = new MongoClient(url);
  const db = client.db();
  const query = (name: string, alert: AlertRecord) => {
    const [longitude = 0, latitude = 0] = positionOf(alert.document) ?? [];
    const arcsec = name === "galaxies" ? 300 : RADIUS_ARCSEC;
    const cone = {
      $geoWithin: { $centerSphere: [[longitude, latitude], (arcsec * ARCSEC * Math.PI) / 180] },
    };
    return db.collection(name).find({ "coordinates.radec_geojson": cone }).toArray();
  };
  const run = async (some: readonly AlertRecord[]) => {
    let matches = 0;
    for (const alert of some) {
      if (together) await Promise.all(names.map((name) => query(name, alert)));
      else for (const name of names) matches += (await query(name, alert)).length;
    }
    return matches;
  };
  await run(all.slice(0, 30));
  const some = all.slice(0, SINGLE);
  const began = performance.now();
  const matches = await run(some);
  const perSecond = (1000 * some.length) / (performance.now() - began);
  await client.close();
  return { perSecond, matches };
}

async function measure(
  settings: StoreSettings,
  dataDir: string,
  all: readonly AlertRecord[],
): Promise<Measured[]> {
  const reader: AlertReader = await openAlertReader(settings);
  const measured: Measured[] = [];
  for (const indexed of [true, false]) {
    const folder = join(dataDir, indexed ? `indexed-${settings.kind}` : "none");
    for (const catalog of indexed ? names : []) {
      const state = (await reader.catalogs.states([catalog], { fresh: true })).get(catalog);
      if (state !== undefined && new SkyIndexes(folder).of(catalog, state) !== undefined) continue;
      const began = performance.now();
      await buildSkyIndex(reader.catalogs, { dataDir: folder, catalog });
      console.error(
        `indexed ${catalog} of ${settings.kind}: ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
    }
    measured.push(await batches(new CrossMatcher({ catalogs: rules, dataDir: folder }, reader), all));
  }
  reader.close();
  return measured;
}

using folder = temporaryFolder();
const dataDir = process.argv[4] ?? folder.path;
const server = await testMongod();
if (typeof server === "string") throw new Error(server);
const url = new URL(server.url);
url.pathname = `/${DATABASE}`;
const mongo: StoreSettings = { kind: "mongo", url: url.href, allowStandalone: true };
const embedded: StoreSettings = { kind: "embedded", dataDir };
for (const settings of [embedded, mongo]) await load(settings);
const all = alerts();
const [embeddedMapped, embeddedAsked] = await measure(embedded, dataDir, all);
const [mongoMapped, mongoAsked] = await measure(mongo, dataDir, all);
const one = await single(url.href, all, false);
const together = await single(url.href, all, true);
console.log(`${CATALOGS} catalogues of ${ROWS} rows, ${ALERTS} alerts of new objects in batches of ${BATCH}`);
for (const [what, measured] of [
  ["embedded, mapped positions", embeddedMapped],
  ["embedded, index of the store", embeddedAsked],
  ["mongod, mapped positions", mongoMapped],
  ["mongod, one query per batch and catalogue", mongoAsked],
  ["mongod, one query per alert and catalogue", one],
  ["mongod, those of an alert at once", together],
] as const) {
  const { perSecond = Number.NaN, matches = 0 } = measured ?? {};
  const ratio = (perSecond / one.perSecond).toFixed(1);
  const found = what.includes("per alert") || what.includes("at once") ? "" : `, ${matches} matches`;
  console.log(
    `${what.padEnd(42)} ${perSecond.toFixed(0).padStart(7)} alerts/s, ${ratio.padStart(6)} ×${found}`,
  );
}
