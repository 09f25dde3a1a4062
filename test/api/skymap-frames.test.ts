/** Skymaps whose cells are those of another frame (COORDSYS): which rows are inside, against healpy. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { POSITION_INDEX } from "../../src/store/index.ts";
import { openTestApi, type TestApi } from "../support/api.ts";
import { temporaryFolder } from "../support/folders.ts";
import { printed } from "../support/processes.ts";
import { pythonWith, SKY_PACKAGES } from "../support/python.ts";
import { skipOrFail } from "../support/services.ts";
import { catalogRow, pointAt, pointsOf, type SkyPoint } from "../support/sky.ts";

const python = await pythonWith("sky", SKY_PACKAGES);
const withoutPython = skipOrFail("healpy", typeof python === "string", String(python));

const DATE = "2023-10-12T01:02:03";
const points: SkyPoint[] = [
  ...pointsOf(1500, 21),
  ...(
    [
      [45, 30],
      [200, -70],
    ] as const
  ).flatMap((centre) => Array.from({ length: 300 }, (_, n) => pointAt(centre, 0.1 * n, 137.5 * n))),
];

describe.skipIf(withoutPython)("frames of maps", () => {
  const folder = temporaryFolder();
  let api: TestApi;
  let told: Record<string, { readonly inside: number[]; readonly outside: number[] }>;
  beforeAll(async () => {
    const script = join(import.meta.dir, "skymap-frames.py");
    const text = await printed([String(python), script, folder.path], JSON.stringify({ points }));
    told = JSON.parse(text) as typeof told;
    api = await openTestApi();
    await api.store.ensureIndexes("stars", [POSITION_INDEX]);
    await api.store.insert(
      "stars",
      points.map((point, index) => catalogRow(index, point)),
    );
  }, 60_000);
  afterAll(async () => {
    await api.close();
    folder[Symbol.dispose]();
  });

  const put = (name: string) => {
    const content = readFileSync(join(folder.path, `${name}.fits`)).toString("base64");
    const skymap = { localization_name: name, content };
    return api.ask("ada", "PUT", "/api/skymap", { dateobs: DATE, contours: 90, skymap });
  };

  for (const [name, frame] of [
    ["C.ring", "C"],
    ["G.ring", "G"],
    ["G.nested", "G"],
    ["G.partial", "G"],
    ["E.ring", "E"],
    ["E.nested", "E"],
    ["galactic", "G"],
    ["ecliptic", "E"],
    ["primary", "G"],
    ["icrs", "C"],
    ["equatorial", "C"],
    ["celestial", "C"],
    ["absent", "C"],
    ["blank", "C"],
  ] as const) {
    test(`${name}: rows are where the map says`, async () => {
      expect((await put(name)).text).toContain("added skymap");
      const skymap = { localization_name: name, dateobs: DATE };
      const query = { skymap, catalog: "stars", filter: {}, projection: { _id: 1 } };
      const asked = { query_type: "skymap", query };
      const { data } = JSON.parse((await api.ask("ada", "POST", "/api/queries", asked)).text) as {
        data: { _id: number }[];
      };
      const found = new Set(data.map(({ _id }) => _id));
      const { inside = [], outside = [] } = told[frame] ?? {};
      expect(inside.length).toBeGreaterThan(100);
      expect(inside.filter((index) => !found.has(index))).toEqual([]);
      expect(outside.filter((index) => found.has(index))).toEqual([]);
      expect(inside.length + outside.length).toBeGreaterThan(0.9 * points.length);
    });
  }

  test("what cannot be turned, is in no frame that is known, or has wrong cells, is refused with a word on it", async () => {
    for (const [name, words] of [
      ["G.multiorder", "COORDSYS is G: multi-order maps are taken in equatorial cells (C) only"],
      ["unknown", "COORDSYS is ALTAZ: expected C (equatorial), G (galactic) or E (ecliptic)"],
      ["beyond", "cell 49152 in row 2: NSIDE 64 has 0 to 49151"],
      ["below", "cell -3 in row 1: NSIDE 64 has 0 to 49151"],
      ["twice", "cell 5 in row 3: it is there twice"],
    ] as const) {
      const { status, text } = await put(name);
      expect([status, text]).toEqual([400, expect.stringContaining(words)]);
    }
  });
});
