/** Cross-matching of batches as they are ingested: what is stored, and what filters see of it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CrossMatcher } from "../../src/enrich/crossmatch/index.ts";
import { filterBatch } from "../../src/filters/index.ts";
import type { Document } from "../../src/query/index.ts";
import { type AlertRecord, POSITION_INDEX } from "../../src/store/index.ts";
import { type FilterBench, filterDocument, openFilterBench } from "../filters/support.ts";
import { ztfAlert } from "../support/api.ts";
import { row } from "./support.ts";

const ARCSEC = 1 / 3600;
const CONFIG = {
  ZTF: {
    Stars: { radius_arcsec: 2, projection: { mag: 1 } },
    Absent: { radius_arcsec: 2 },
    // The survey's own list is long.
    ...Object.fromEntries(
      ["2MASS_PSC", "AllWISE", "Gaia_DR2", "Gaia_EDR3", "Gaia_DR2_WD", "PS1_STRM", "GALEX"].map((name) => [
        name,
        undefined,
      ]),
    ),
    ...Object.fromEntries(
      ["galaxy_redshifts_20200522", "IGAPS_DR2", "LAMOST_DR5_v3", "PS1_DR1", "milliquas", "NED_BetaV3"].map(
        (name) => [name, undefined],
      ),
    ),
  },
};
/** Filters as users write them: far from any known galaxy, and near one. */
const FAR = [{ $match: { "cross_matches.CLU_20190625.0": { $exists: false } } }];
const NEAR = [
  { $match: { "cross_matches.CLU_20190625.0.z": { $lt: 0.05 } } },
  { $project: { annotations: { kpc: { $first: "$cross_matches.CLU_20190625.coordinates.distance_kpc" } } } },
];

let bench: FilterBench;
let matcher: CrossMatcher;

beforeAll(async () => {
  bench = await openFilterBench([filterDocument(1, FAR), filterDocument(2, NEAR)]);
  const { store } = bench;
  await store.insert("CLU_20190625", [
    row(1, 150, 2, { name: "here", z: 0.02 }),
    row(2, 200, 2, { name: "unknown", z: null }),
  ]);
  await store.ensureIndexes("CLU_20190625", [POSITION_INDEX]);
  await store.insert("Stars", [row("s", 150, 2 + ARCSEC, { mag: 17.5, other: 1 })]);
  matcher = new CrossMatcher({ catalogs: CONFIG, dataDir: bench.dataDir }, bench.reader);
});

afterAll(() => bench.close());

/** Matches, filters and writes a batch, as a decode thread and the writer do. */
async function ingest(alerts: readonly AlertRecord[]) {
  const records = await matcher.match(alerts);
  const outbox = await filterBatch(records, bench.registry, bench.reader);
  await bench.write(records, outbox);
  return outbox.map(({ candid, document }) => `${candid}/${(document as Document)["filter_id"]}`);
}

async function stored(objectId: string): Promise<unknown> {
  const found = await bench.store.findOne({
    collection: "ZTF_alerts_aux",
    filter: { _id: objectId },
    maxTimeMs: 5000,
  });
  return found?.["cross_matches"];
}

const galaxy = {
  ...{ _id: 1, name: "here", z: 0.02 },
  coordinates: { radec_str: ["ra 150", "dec 2"], distance_arcsec: 36, distance_kpc: 14.4 },
};

describe("a batch", () => {
  test("new objects have the matches around their first alert, and filters see them", async () => {
    const passed = await ingest([
      ztfAlert(1n, "near", { ra: 150, dec: 2 + 36 * ARCSEC }),
      ztfAlert(2n, "far", { ra: 150, dec: 3 }),
      ztfAlert(3n, "unknown", { ra: 200, dec: 2 }),
      // The object's second alert is nearer to a star, which comes too late.
      ztfAlert(4n, "near", { ra: 150, dec: 2 }),
    ]);
    expect(passed).toEqual(["1/2", "2/1", "3/1", "4/2"]);
    expect(JSON.parse(JSON.stringify(await stored("near")))).toEqual({
      CLU_20190625: [galaxy],
      Stars: [],
      Absent: [],
    });
    expect(await stored("far")).toEqual({ CLU_20190625: [], Stars: [], Absent: [] });
    expect(await stored("unknown")).toEqual({ CLU_20190625: [], Stars: [], Absent: [] });
  });

  test("known objects keep what they have, and the same alerts read again change nothing", async () => {
    const before = await stored("near");
    await bench.store.insert("CLU_20190625", [row(3, 150, 2, { name: "later", z: 0.02 })]);
    expect(await ingest([ztfAlert(5n, "near", { ra: 150, dec: 2 })])).toEqual(["5/2"]);
    expect(await ingest([ztfAlert(1n, "near", { ra: 150, dec: 2 + 36 * ARCSEC })])).toEqual([]);
    expect(await stored("near")).toEqual(before);
  });

  test("rows that were added while alerts come in are found", async () => {
    await ingest([ztfAlert(6n, "noticed", { ra: 150, dec: 2 })]);
    expect(await stored("noticed")).toMatchObject({
      CLU_20190625: [{ _id: 1 }, { _id: 3 }],
      Stars: [{ _id: "s", mag: 17.5, coordinates: { distance_arcsec: expect.anything() } }],
    });
  });

  test("without any catalogue every list is empty, and no object is looked for", async () => {
    const without = new CrossMatcher({ catalogs: CONFIG, dataDir: bench.dataDir }, {
      ...bench.reader,
      catalogs: { ...bench.reader.catalogs, states: async () => new Map() },
      storedObjects: () => Promise.reject(new Error("was asked")),
    } as typeof bench.reader);
    const [record] = await without.match([ztfAlert(7n, "x")]);
    expect(record?.crossMatches).toEqual({ CLU_20190625: [], Stars: [], Absent: [] });
  });
});

describe("the configuration", () => {
  test("a survey that is null has no cross-matches", async () => {
    const none = new CrossMatcher({ catalogs: { ZTF: undefined }, dataDir: "" }, bench.reader);
    const [record] = await none.match([ztfAlert(8n, "x")]);
    expect(record?.crossMatches).toBeUndefined();
  });

  test.each([
    [{ ZTFF: {} }, "cross_matches.ZTFF: there is no such survey, did you mean ZTF?"],
    [{ ZTF: { "a.b": {} } }, "cross_matches.ZTF.a.b: the name of a catalogue has no dots"],
    [
      { ZTF: { X: { filter: { z: { $gtt: 1 } } } } },
      "cross_matches.ZTF.X.filter.z.$gtt: unknown operator, did you mean $gt?",
    ],
    [{ ZTF: { X: { projection: { a: 1, b: 0 } } } }, "cross_matches.ZTF.X.projection"],
    [{ ZTF: { X: { sort: { a: 2 } } } }, "cross_matches.ZTF.X.sort.a: the direction must be 1"],
  ])("what is wrong is named: %j", (config, message) => {
    expect(() => new CrossMatcher({ catalogs: config, dataDir: "" }, bench.reader)).toThrow(message);
  });
});
