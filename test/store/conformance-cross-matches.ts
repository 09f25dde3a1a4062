/** What every store must do for cross-matching: find rows of catalogues by place, and keep the matches of objects. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Document } from "../../src/query/index.ts";
import { separation } from "../../src/sky/index.ts";
import { type CatalogState, POSITION_INDEX, positionOf } from "../../src/store/index.ts";
import { row } from "../enrich/support.ts";
import type { Asker } from "./conformance.ts";
import { alert, COLLECTIONS, history } from "./records.ts";

const ARCSEC = 1 / 3600;
/** Crowded places where cones go wrong: the poles and the seam at ra = 0. */
const CROWDS: readonly (readonly [ra: number, dec: number])[] = [
  [0, 0],
  [0, 89.999],
  [180, -89.999],
  [359.999, 45],
  [123.4, -30],
];

/** Rows scattered within a few arcmin of crowded places. */
function crowds(): Document[] {
  return CROWDS.flatMap(([ra, dec], crowd) =>
    Array.from({ length: 40 }, (_, n) => {
      const north = Math.max(-90, Math.min(90, dec + ((n * 37) % 40) * 7 * ARCSEC - 140 * ARCSEC));
      const east =
        (((n * 17) % 40) * 7 - 140) * (ARCSEC / Math.max(0.001, Math.cos((north * Math.PI) / 180)));
      return row(crowd * 100 + n, (((ra + east) % 360) + 360) % 360, north);
    }),
  );
}

const ids = (rows: readonly Document[]) => rows.map(({ _id }) => Number(_id)).toSorted((a, b) => a - b);

export function crossMatchTests(ask: () => Asker): void {
  for (const indexed of [true, false]) {
    test(`rows near many positions are those of a look at every row, ${indexed ? "with" : "without"} an index`, async () => {
      const { store, reader } = ask().under;
      const name = indexed ? "indexed" : "plain";
      const rows = crowds();
      await store.insert(name, rows);
      if (indexed) await store.ensureIndexes(name, [POSITION_INDEX]);
      const center = fc.tuple(
        fc.constantFrom(...CROWDS),
        fc.double({ min: -200, max: 200, noNaN: true }),
        fc.double({ min: -200, max: 200, noNaN: true }),
      );
      await fc.assert(
        fc.asyncProperty(
          fc.array(center, { minLength: 1, maxLength: 6 }),
          fc.constantFrom(0.1, 5, 60, 300),
          async (centers, arcsec) => {
            const cones = centers.map(([[ra, dec], east, north]) => ({
              longitude:
                ((ra + (east * ARCSEC) / Math.max(0.001, Math.cos((dec * Math.PI) / 180)) + 720) % 360) - 180,
              latitude: Math.max(-90, Math.min(90, dec + north * ARCSEC)),
              radius: arcsec * ARCSEC,
            }));
            const isNear = (each: Document) => {
              const [longitude = 0, latitude = 0] = positionOf(each) ?? [];
              return cones.some((cone) => {
                return separation(longitude, latitude, cone.longitude, cone.latitude) <= cone.radius;
              });
            };
            const found = await reader.catalogs.rowsNear(name, cones);
            expect(ids(found.filter(isNear))).toEqual(ids(rows.filter(isNear)));
            expect(new Set(ids(found)).size).toBe(found.length);
          },
        ),
        { numRuns: 30 },
      );
    });
  }

  test("positions come with the keys of their rows, rows of every kind of id by their keys", async () => {
    const { store, reader } = ask().under;
    const rows = [
      row("a", 10, 20),
      row(5, 11, 21),
      row(2n ** 60n, 12, 22),
      { _id: "nowhere" },
      row(7, 13, 23),
    ];
    await store.insert("keyed", rows);
    const found = new Map<number, Document[]>();
    for await (const { longitudes, latitudes, keys } of reader.catalogs.positions("keyed")) {
      expect(longitudes.length).toBe(keys.length);
      for (const [index, key] of keys.entries()) {
        expect((latitudes[index] ?? 0) - (longitudes[index] ?? 0)).toBeCloseTo(190, 9);
        found.set(Math.round((longitudes[index] ?? 0) + 180), await reader.catalogs.rows("keyed", [key]));
      }
    }
    expect([...found.keys()].toSorted((a, b) => a - b)).toEqual([10, 11, 12, 13]);
    expect(found.get(12)).toEqual([rows[2] ?? {}]);
    const keys: Uint8Array[] = [];
    for await (const piece of reader.catalogs.positions("keyed")) keys.push(...piece.keys);
    expect(await reader.catalogs.rows("keyed", keys)).toHaveLength(4);
    await store.remove("keyed", "a");
    expect(await reader.catalogs.rows("keyed", keys)).toHaveLength(3);
    expect(await reader.catalogs.rows("keyed", [])).toEqual([]);
  });

  test("positions are those at their path, whatever other fields look like", async () => {
    const { store, reader } = ask().under;
    const decoy = { radec_geojson: { type: "Point", coordinates: [1.5, 2.5] } };
    const { coordinates } = row(0, 190, 20);
    await store.insert("decoys", [
      { _id: 1, other: decoy, coordinates: coordinates ?? null },
      { _id: 2, other: decoy },
      { _id: 3, coordinates: coordinates ?? null, other: decoy },
      row(4, 0, -90),
      row(5, 359.999999, 89.99),
    ]);
    await store.ensureIndexes("decoys", [POSITION_INDEX]);
    const found: number[][] = [];
    for await (const { longitudes, latitudes } of reader.catalogs.positions("decoys")) {
      longitudes.forEach((longitude, n) => void found.push([longitude, latitudes[n] ?? Number.NaN]));
    }
    expect(found).toEqual([
      [10, 20],
      [10, 20],
      [-180, -90],
      [359.999999 - 180, 89.99],
    ]);
  });

  test("a catalogue that is not there has no state, no rows and no positions", async () => {
    const { catalogs } = ask().under.reader;
    expect([...(await catalogs.states(["absent"])).keys()]).toEqual([]);
    expect(await catalogs.rowsNear("absent", [{ longitude: 0, latitude: 0, radius: 1 }])).toEqual([]);
    expect(await Array.fromAsync(catalogs.positions("absent"))).toEqual([]);
    expect(await catalogs.rows("absent", [])).toEqual([]);
  });

  test("the state changes when rows are added, and when the collection is replaced by another", async () => {
    const { store, reader } = ask().under;
    const stateOf = async () => (await reader.catalogs.states(["changing"])).get("changing");
    // What a store remembers of the last look is a second old at most.
    const changed = async (from: CatalogState | undefined) => {
      for (let tries = 0; tries < 30; tries++) {
        const state = await stateOf();
        if (state?.mark !== from?.mark) return state;
        await Bun.sleep(100);
      }
      return from;
    };
    await store.insert("changing", [row(1, 10, 20)]);
    const first = await changed(undefined);
    expect(first?.rows).toBe(1);
    expect(await stateOf()).toEqual(first);
    await store.insert("changing", [row(2, 10, 20)]);
    const second = await changed(first);
    expect(second?.rows).toBe(2);
    expect(second?.mark).not.toBe(first?.mark);
    await store.drop("changing");
    expect(await changed(second)).toBeUndefined();
    // The same number of writes as before.
    await store.insert("changing", [row(1, 10, 20)]);
    await store.insert("changing", [row(2, 10, 20)]);
    const third = await changed(undefined);
    expect(third?.rows).toBe(2);
    expect(third?.mark).not.toBe(second?.mark);
  });

  test("the matches of an object are those of its first alert", async () => {
    const { store, encoder, writer, reader } = ask().under;
    const write = (candid: bigint, objectId: string, crossMatches?: Document) => {
      const encoded = encoder.encode(
        alert(candid, objectId, { histories: [history("prv_candidates", [1.5])] }),
      );
      const matched = crossMatches === undefined ? encoded : encoder.withCrossMatches(encoded, crossMatches);
      return writer.write({ alerts: [matched], deadLetters: [], outbox: [], positions: [] });
    };
    const galaxy = {
      _id: 1127561440015015001n,
      z: 0.03,
      coordinates: { distance_arcsec: 3.5, distance_kpc: -1 },
    };
    await write(101n, "matched", { CLU: [galaxy], Gaia: [] });
    await write(102n, "matched", { CLU: [], Gaia: [{ _id: 1 }] });
    await write(103n, "unmatched");
    await write(104n, "unmatched", { CLU: [galaxy] });
    const find = (id: string) =>
      store.findOne({ collection: COLLECTIONS.aux, filter: { _id: id }, maxTimeMs: 5000 });
    expect((await find("matched"))?.["cross_matches"]).toEqual({ CLU: [galaxy], Gaia: [] });
    expect((await find("unmatched"))?.["cross_matches"]).toEqual({});
    expect(await reader.storedObjects(COLLECTIONS, ["matched", "unmatched", "new"])).toEqual(
      new Set(["matched", "unmatched"]),
    );
    const records = await reader.records(COLLECTIONS, ["matched", "new"]);
    const [known, fresh] = [records.get("matched"), records.get("new")];
    for (const record of [known, fresh]) record?.append([], { CLU: [], Gaia: [{ _id: 2 }] });
    fresh?.append([], { CLU: [galaxy] });
    expect(known?.crossMatches).toEqual({ CLU: [galaxy], Gaia: [] });
    expect(fresh?.crossMatches).toEqual({ CLU: [], Gaia: [{ _id: 2 }] });
  });
}
