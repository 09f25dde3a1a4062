/** Large requests leave the thread that answers HTTP to others in between. */
import { expect, test } from "bun:test";
import { readBody } from "../../src/api/body.ts";
import { readPositions } from "../../src/api/queries/radec.ts";
import { isDocument } from "../../src/query/index.ts";
import { openEmbeddedStore, POSITION_INDEX } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/folders.ts";

/** How often others had their turn while work was done. */
async function turnsDuring<T>(work: () => Promise<T>): Promise<{ value: T; turns: number }> {
  let turns = 0;
  let done = false;
  const count = () => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const value = await work();
  done = true;
  return { value, turns };
}

const COUNT = 100_000;
const pairs = Array.from({ length: COUNT }, (_, n) => [(n * 137.5077) % 360, ((n * 61.803) % 180) - 90]);

test("a body of megabytes is read in turns", async () => {
  const body = JSON.stringify({ query: { radec: pairs } });
  const request = new Request("http://x/", { method: "POST", body });
  const { value, turns } = await turnsDuring(() => readBody(request, 10_000_000));
  expect(turns).toBeGreaterThan(5);
  const { query } = value;
  expect(isDocument(query) && Array.isArray(query["radec"]) && query["radec"].length).toBe(COUNT);
});

test("a hundred thousand positions are read in turns, named or not", async () => {
  const named = Object.fromEntries(pairs.map((pair, n) => [`star ${n}`, pair]));
  for (const given of [pairs, named]) {
    const { value, turns } = await turnsDuring(() => readPositions(given, "radec"));
    expect(turns).toBeGreaterThan(5);
    expect(value).toHaveLength(COUNT);
    expect([value[7]?.ra, value.at(-1)?.dec]).toEqual([pairs[7]?.[0], pairs.at(-1)?.[1]]);
  }
});

test("thousands of positions go to the store in turns, and are answered in their order", async () => {
  using folder = temporaryFolder();
  const store = await openEmbeddedStore({ dataDir: folder.path });
  await store.ensureIndexes("stars", [POSITION_INDEX]);
  const at = (n: number) => [Math.fround((n % 360) - 180), Math.fround((n % 170) - 85)] as const;
  const rows = [3, 4999, 19_999].map((n) => ({
    _id: n,
    coordinates: { radec_geojson: { type: "Point", coordinates: [...at(n)] } },
  }));
  await store.insert("stars", rows);
  const targets = Array.from({ length: 20_000 }, (_, n) => ({
    key: `o${n}`,
    longitude: at(n)[0],
    latitude: at(n)[1],
  }));
  const request = { collection: "stars", targets, radius: 1 / 3600, filter: {}, maxTimeMs: 60_000 };
  const { value, turns } = await turnsDuring(async () =>
    (await Array.fromAsync(store.cones(request))).join(""),
  );
  expect(turns).toBeGreaterThan(9);
  const found = Object.entries(JSON.parse(`{${value}}`) as Record<string, { _id: number }[]>);
  expect(found.map(([key]) => key)).toEqual(targets.map(({ key }) => key));
  for (const { _id } of rows) expect(found[_id]?.[1].map((row) => row._id)).toContain(_id);
  // Left early, the rest of the positions is not asked for.
  for await (const _ of store.cones(request)) break;
  expect(await store.count({ collection: "stars", filter: {}, maxTimeMs: 10_000 })).toBe(3);
  await store.close();
});
