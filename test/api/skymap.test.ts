/** `/api/skymap` and `skymap` queries: every form of localisation, against what healpy and mocpy say lies inside. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildContours } from "../../src/api/skymaps/build.ts";
import { separation } from "../../src/sky/index.ts";
import { POSITION_INDEX } from "../../src/store/index.ts";
import { openTestApi, type Scenario, scenarios, type TestApi, ztfAlert } from "../support/api.ts";
import { temporaryFolder } from "../support/folders.ts";
import { printed } from "../support/processes.ts";
import { pythonWith, SKY_PACKAGES } from "../support/python.ts";
import { skipOrFail } from "../support/services.ts";
import { catalogRow, pointAt, pointsOf, type SkyPoint } from "../support/sky.ts";

const python = await pythonWith("sky", SKY_PACKAGES);
const withoutPython = skipOrFail("healpy and mocpy", typeof python === "string", String(python));

const FIRST = 1127561440015015001n;
const DATE = "2023-10-12T01:02:03";
/** Everywhere, and some more round where the maps have their probability. */
const points: SkyPoint[] = [
  ...pointsOf(3000, 11),
  ...(
    [
      [30, 88],
      [210, -87],
      [0.5, 10],
      [359, -30],
      [120, 0],
      [180, 40],
      [48, 9],
    ] as const
  ).flatMap((centre) => Array.from({ length: 150 }, (_, n) => pointAt(centre, 0.1 * n, 137.5 * n))),
];

const folder = temporaryFolder();
let api: TestApi;
let fetching = 0;
let mostFetching = 0;
let files: { readonly url: string; stop(force: boolean): Promise<void> };
beforeAll(async () => {
  api = await openTestApi({
    skymaps: { allow_private_urls: true },
    alerts: [
      ztfAlert(FIRST, "ZTF20aahgyet", { ra: 48, dec: 9, drb: 0.9 }),
      ztfAlert(FIRST + 1n, "ZTF20aaelulu", { ra: 50, dec: 9, drb: 0.8, programid: 2 }),
      ztfAlert(FIRST + 2n, "ZTF19abzrhgq", { ra: 60, dec: 9 }),
    ],
  });
  await api.store.ensureIndexes("stars", [POSITION_INDEX]);
  await api.store.insert(
    "stars",
    points.map((point, index) => catalogRow(index, point)),
  );
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/slow.fits") {
        fetching++;
        mostFetching = Math.max(mostFetching, fetching);
        await Bun.sleep(200);
        fetching--;
      }
      if (pathname === "/moved.fits") return Response.redirect("/nested.fits", 302);
      const file = Bun.file(join(folder.path, pathname.slice(1)));
      return file.size > 0 ? new Response(file) : new Response("no", { status: 404 });
    },
  });
  files = { url: `http://127.0.0.1:${server.port}`, stop: (force) => server.stop(force) };
});
afterAll(async () => {
  await files.stop(true);
  await api.close();
  folder[Symbol.dispose]();
});

/** The numbers of the rows of `stars` inside. */
async function inside(name: string, contour: number): Promise<number[]> {
  const query = {
    skymap: { localization_name: name, dateobs: DATE, contour },
    catalog: "stars",
    filter: {},
    projection: { _id: 1 },
  };
  const { text, status } = await api.ask("ada", "POST", "/api/queries", { query_type: "skymap", query });
  if (status !== 200) throw new Error(text);
  const { data } = JSON.parse(text) as { data: { _id: number }[] };
  return data.map(({ _id }) => _id).sort((a, b) => a - b);
}

const put = (skymap: object, contours: unknown, more: object = {}) =>
  api.ask("ada", "PUT", "/api/skymap", { dateobs: DATE, contours, skymap, ...more });

describe.skipIf(withoutPython)("files as observatories publish them", () => {
  const levels = [50, 90, 99] as const;
  let told: Record<string, Record<string, number[]>>;
  beforeAll(async () => {
    const script = join(import.meta.dir, "skymaps.py");
    const text = await printed([String(python), script, folder.path], JSON.stringify({ points }));
    told = JSON.parse(text) as typeof told;
  }, 60_000);

  for (const name of [
    "polar.multiorder.fits",
    "zero.multiorder.fits",
    "nested.fits",
    "ring.fits.gz",
    "partial.fits",
  ]) {
    test(`${name}: the same rows inside every level`, async () => {
      const content = readFileSync(join(folder.path, name)).toString("base64");
      const answer = await put({ localization_name: name, content }, levels);
      expect(answer.text).toContain(`added skymap for ${DATE} with contours [50, 90, 99]`);
      for (const level of levels) {
        const expected = told[name]?.[level] ?? [];
        expect(expected.length).toBeGreaterThan(5);
        expect(await inside(name, level)).toEqual(expected);
      }
      const moc = told[name]?.["moc"];
      if (moc !== undefined) expect(await inside(name, 90)).toEqual(moc);
    });
  }

  test("from an address, also of one that moved", async () => {
    for (const file of ["ring.fits.gz", "moved.fits"]) {
      const name = `fetched ${file}`;
      const answer = await put({ localization_name: name, url: `${files.url}/${file}` }, 90);
      expect(answer.text).toContain('"status":"success"');
      expect(await inside(name, 90)).toEqual(told["nested.fits"]?.[90] ?? []);
    }
    const gone = await put({ url: `${files.url}/gone.fits` }, 90);
    expect([gone.status, gone.text]).toEqual([400, expect.stringContaining("answered 404")]);
  });

  test("polygons hold what the cells hold, with their holes", async () => {
    const name = "polar.multiorder.fits";
    const { text } = await api.ask("ada", "GET", `/api/skymap?localization_name=${name}&moc=true`);
    const { data } = JSON.parse(text) as {
      data: {
        contours: Record<string, { coordinates: number[][][][] }>;
        moc: Record<string, string>;
        dateobs: string;
      };
    };
    expect(data.dateobs).toBe(DATE);
    expect(data.moc["contour90"]).toMatch(/^\d+\/\d+/);
    const { coordinates = [] } = data.contours["contour90"] ?? {};
    const filter = {
      "coordinates.radec_geojson": { $geoWithin: { $geometry: { type: "MultiPolygon", coordinates } } },
    };
    const asked = { query_type: "find", query: { catalog: "stars", filter, projection: { _id: 1 } } };
    const found = JSON.parse((await api.ask("ada", "POST", "/api/queries", asked)).text) as {
      data: { _id: number }[];
    };
    // Sides of cells are no great circles: a few rows at the border may differ.
    const [byPolygon, byCells] = [new Set(found.data.map(({ _id }) => _id)), new Set(await inside(name, 90))];
    expect(byCells.size).toBeGreaterThan(50);
    expect(byPolygon.symmetricDifference(byCells).size).toBeLessThan(byCells.size / 50);
  });
});

describe("shapes", () => {
  const near = ([ra, dec]: SkyPoint, degrees: number) =>
    points.flatMap(([a, d], index) => (separation(ra, dec, a, d) <= degrees ? [index] : []));

  for (const centre of [
    [48, 9],
    [0, 0],
    [120, 89.5],
    [300, -90],
  ] as const) {
    test(`a Gaussian round ${centre}`, async () => {
      const name = `${centre}`;
      await put({ localization_name: name, ra: centre[0], dec: centre[1], error: 5 }, [50, 90]);
      for (const [level, sigmas] of [
        [50, 1.17741],
        [90, 2.14597],
      ] as const) {
        const found = await inside(name, level);
        // Cut at four standard deviations, and with cells at the border.
        const least = near(centre, 5 * sigmas * 0.985);
        const most = new Set(near(centre, 5 * sigmas * 1.01));
        expect(least.filter((index) => !found.includes(index))).toEqual([]);
        expect(found.filter((index) => !most.has(index))).toEqual([]);
      }
    });
  }

  test("a polygon across ra = 0, whole at any level", async () => {
    const polygon = [
      [355, -5],
      [5, -5],
      [5, 5],
      [355, 5],
      [355, 5],
    ].slice(0, 4);
    await put({ localization_name: "square", polygon }, 50);
    const found = new Set(await inside("square", 50));
    const expected = points.flatMap(([ra, dec], index) => {
      const east = ra > 180 ? ra - 360 : ra;
      return Math.abs(east) < 4.9 && Math.abs(dec) < 4.9 ? [index] : [];
    });
    expect(expected.length).toBeGreaterThan(20);
    expect(expected.filter((index) => !found.has(index))).toEqual([]);
    expect(found.size).toBeLessThan(expected.length * 1.1);
  });

  test("an ellipse along its position angle", async () => {
    await put({ localization_name: "ellipse", ra: 120, dec: 0, amaj: 10, amin: 1, phi: 90 }, 90);
    for (const index of await inside("ellipse", 90)) {
      const [ra = 0, dec = 0] = points[index] ?? [];
      expect(Math.abs(dec)).toBeLessThan(1.05);
      expect(Math.abs(ra - 120)).toBeLessThan(10.05);
    }
    expect((await inside("ellipse", 90)).length).toBeGreaterThan(5);
  });

  test("cells as arrays, coarse and fine", async () => {
    // The north-eastern cap of the first face, and one small cell of the fifth.
    const uniq = [4, 4 * 4 ** 3 + 4 * 4 ** 3 + 17];
    await put({ localization_name: "arrays", uniq, probdensity: [1, 2] }, [3, 100]);
    const all = await inside("arrays", 100);
    expect((await inside("arrays", 3)).length).toBeLessThan(all.length);
    expect(all.every((index) => (points[index]?.[0] ?? 0) < 90 || (points[index]?.[1] ?? 0) < 30)).toBe(true);
  });
});

const VOEVENT = `<?xml version="1.0"?>
<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" ivorn="ivo://nasa.gsfc.gcn/Fermi#GBM_Fin_Pos2023-10-12T01:02:03.40" role="observation" version="2.0">
  <What>
    <Param name="TrigID" value="718765432" />
    <Group name="Misc"><Param name="LightCurve_URL" value="http://localhost/bn231012043/quicklook/x.gif" /></Group>
  </What>
  <WhereWhen><ObsDataLocation><ObservationLocation><AstroCoords>
    <Time><TimeInstant><ISOTime>2023-10-12T01:02:02.60</ISOTime></TimeInstant></Time>
    <Position2D><Value2><C1>48.0</C1><C2>9.0</C2></Value2><Error2Radius>2.0</Error2Radius></Position2D>
  </AstroCoords></ObservationLocation></ObsDataLocation></WhereWhen>
</voe:VOEvent>`;

function ask(
  name: string,
  words: string,
  body: unknown,
  status: number,
  rest: Partial<Scenario> = {},
): Scenario {
  return { name, ask: words, ...(body === undefined ? {} : { body }), status, as: "ada", ...rest };
}

const skymapQuery = (skymap: object, more: object = {}, kwargs: object = {}) => ({
  query_type: "skymap",
  query: { skymap, catalog: "ZTF_alerts", filter: {}, projection: { _id: 0, candid: 1 }, ...more },
  kwargs,
});

describe("an event from beginning to end", () => {
  const cone = { ra: 48, dec: 9, error: 2 };
  const name = "48.00000_9.00000_2.00000";
  const event = { localization_name: name, dateobs: "2024-01-01T00:00:00" };
  const base = { dateobs: "2024-01-01T00:00:00.000", triggerid: 77, aliases: ["LVC#S240101a"], skymap: cone };
  test("is added, found again, extended, asked and removed", async () => {
    const first = await api.ask("ada", "PUT", "/api/skymap", { ...base, contours: 90 });
    expect(first.text).toBe(
      `{"status":"success","message":"added skymap for 2024-01-01T00:00:00 with contours [90]","data":{"dateobs":"2024-01-01T00:00:00","localization_name":"${name}","contours":[90]}}`,
    );
    const again = await api.ask("ada", "PUT", "/api/skymap", { ...base, contours: [90] });
    expect([again.status, again.text]).toEqual([409, expect.stringContaining('"status":"already_exists"')]);
    const more = await api.ask("ada", "PUT", "/api/skymap", { ...base, contours: "90,95" });
    expect(more.text).toContain("updated skymap for 2024-01-01T00:00:00 to add contours [95]");
    expect(more.text).toContain('"contours":[90,95]');
  });
  scenarios(
    () => api,
    [
      ask("by date", "GET /api/skymap?dateobs=2024-01-01T00:00:00", undefined, 200, {
        has: [/"contour90":\{"type":"MultiPolygon"/, /"center":\{"type":"Point","coordinates":\[-13[12]\.\d/],
        hasNot: ["cells"],
      }),
      ask("by trigger, a number in an address", "GET /api/skymap?triggerid=77", undefined, 200, {
        has: ['"triggerid":77'],
      }),
      ask("by alias and level", "GET /api/skymap?alias=LVC%23S240101a&contours=90,95", undefined, 200),
      ask("by a level that is not there", "GET /api/skymap?triggerid=77&contours=50", undefined, 404, {
        has: [/missing contours \[50\]/],
      }),
      ask("of nobody's", "GET /api/skymap?triggerid=78", undefined, 404, { has: ["no skymap found"] }),
      ask("without names", "GET /api/skymap", undefined, 400),
      ask("without a token", "GET /api/skymap?triggerid=77", undefined, 401, { as: "nobody" }),
      ask(
        "alerts inside",
        "POST /api/queries",
        skymapQuery({ ...event, contour: 90 }, {}, { sort: { candid: 1 } }),
        200,
        {
          data: `[{"candid":${FIRST}},{"candid":${FIRST + 1n}}]`,
        },
      ),
      ask("alerts of one's programs", "POST /api/queries", skymapQuery({ ...event }), 200, {
        as: "bea",
        data: `[{"candid":${FIRST}}]`,
      }),
      ask(
        "by trigger, with a filter and options",
        "POST /api/queries",
        skymapQuery(
          { localization_name: name, trigger_id: 77 },
          { filter: "{'candidate.drb': {'$gt': 0.1}}" },
          { sort: [["candidate.drb", 1]], skip: 1, limit: 5 },
        ),
        200,
        { data: `[{"candid":${FIRST}}]` },
      ),
      ask(
        "by alias",
        "POST /api/queries",
        skymapQuery({ localization_name: name, aliases: ["LVC#S240101a", "x"] }),
        200,
        { has: [`${FIRST}`] },
      ),
      ask("a level that is not there", "POST /api/queries", skymapQuery({ ...event, contour: 50 }), 404, {
        has: ["Contour level 50 not found in skymap"],
      }),
      ask(
        "an event that is not there",
        "POST /api/queries",
        skymapQuery({ ...event, localization_name: "x" }),
        404,
        { has: ["Skymap not found"] },
      ),
      ask("no name", "POST /api/queries", skymapQuery({ dateobs: "2024-01-01T00:00:00" }), 400, {
        has: ["localization_name"],
      }),
      ask("no event", "POST /api/queries", skymapQuery({ localization_name: name }), 400, {
        has: ["trigger_id"],
      }),
      ask("a closed collection", "POST /api/queries", skymapQuery(event, { catalog: "users" }), 403),
      ask("removed by name alone", "DELETE /api/skymap", { localization_name: name }, 400, {
        has: ["dateobs, triggerid, or alias"],
      }),
      ask("removed", "DELETE /api/skymap", { ...event }, 200, { has: ["deleted 1 skymap"] }),
      ask("removed again", "DELETE /api/skymap", { ...event }, 404),
    ],
  );
});

describe("packets and ready contours", () => {
  scenarios(
    () => api,
    [
      ask("a VOEvent without a map", "PUT /api/skymap", { voevent: VOEVENT, contours: [90] }, 200, {
        has: ["added skymap for 2023-10-12T01:02:03", "48.00000_9.00000_2.00000"],
      }),
      ask("its names", "GET /api/skymap?alias=FERMI%23bn231012043", undefined, 200, {
        has: ['"triggerid":718765432'],
      }),
      ask("a packet that is none", "PUT /api/skymap", { voevent: "<a><b></a>" }, 400, { has: ["voevent"] }),
      ask(
        "a packet with entities",
        "PUT /api/skymap",
        { voevent: '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><VOEvent>&e;</VOEvent>' },
        400,
        { hasNot: ["root:"] },
      ),
      ask(
        "ready contours",
        "PUT /api/skymap",
        {
          dateobs: DATE,
          skymap: {
            localization_name: "ready",
            contours: {
              contour90: {
                type: "MultiPolygon",
                coordinates: [
                  [
                    [
                      [-133, 8],
                      [-131, 8],
                      [-131, 10],
                      [-133, 10],
                      [-133, 8],
                    ],
                  ],
                ],
              },
            },
          },
        },
        200,
        { has: ["with contours"] },
      ),
      ask(
        "a ready contour whose edges cross",
        "PUT /api/skymap",
        {
          dateobs: DATE,
          skymap: {
            localization_name: "crossed",
            contours: {
              contour50: {
                type: "MultiPolygon",
                coordinates: [
                  [
                    [
                      [-133, 8],
                      [-131, 10],
                      [-131, 8],
                      [-133, 10],
                      [-133, 8],
                    ],
                  ],
                ],
              },
            },
          },
        },
        400,
        { has: ["skymap.contours.contour50: ", "edges 0 and 2 of the outer ring cross"] },
      ),
      ask(
        "alerts inside ready contours",
        "POST /api/queries",
        skymapQuery({ localization_name: "ready", dateobs: DATE }),
        200,
        { data: `[{"candid":${FIRST}}]` },
      ),
    ],
  );
});

describe("several requests for one event at once", () => {
  const event = { dateobs: "2024-02-02T00:00:00", skymap: { ra: 10, dec: -20, error: 1 } };
  const put = (contours: number) => api.ask("ada", "PUT", "/api/skymap", { ...event, contours });
  test("keep all their levels, of a new skymap and of one that is there", async () => {
    for (const levels of [
      [10, 20, 30, 40, 50],
      [60, 70, 80, 90, 95],
    ]) {
      const answers = await Promise.all(levels.map(put));
      expect(answers.map(({ status }) => status)).toEqual(levels.map(() => 200));
    }
    const found = await api.ask("ada", "GET", "/api/skymap?dateobs=2024-02-02T00:00:00", undefined);
    const names = [...found.text.matchAll(/"contour(\d+)":\{"type"/g)].map(([, level]) => Number(level));
    expect(names.toSorted((a, b) => a - b)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 95]);
  });
  test("of one level: the second is told that it is there", async () => {
    const answers = await Promise.all([put(99), put(99)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
  });
});

describe("refused", () => {
  const wrong = (name: string, body: object, has: string) =>
    ask(name, "PUT /api/skymap", body, 400, { has: [has] });
  scenarios(
    () => api,
    [
      wrong("no localisation", { dateobs: DATE }, "skymap"),
      wrong(
        "an unknown form",
        { dateobs: DATE, skymap: { localization_name: "x", radius: 1 } },
        "localization_name, polygon",
      ),
      wrong("no date", { skymap: { ra: 1, dec: 2, error: 3 } }, "dateobs"),
      wrong(
        "a wrong date",
        { dateobs: "yesterday", skymap: { ra: 1, dec: 2, error: 3 } },
        "YYYY-MM-DDTHH:MM:SS",
      ),
      wrong("a level of 0", { dateobs: DATE, contours: 0, skymap: { ra: 1, dec: 2, error: 3 } }, "contours"),
      wrong("an error of 0", { dateobs: DATE, skymap: { ra: 1, dec: 2, error: 0 } }, "skymap.error"),
      wrong(
        "two corners",
        {
          dateobs: DATE,
          skymap: {
            localization_name: "x",
            polygon: [
              [1, 2],
              [3, 4],
            ],
          },
        },
        "corners",
      ),
      wrong(
        "no FITS file",
        { dateobs: DATE, skymap: { localization_name: "x", content: "aGVsbG8=" } },
        "FITS",
      ),
      wrong("no base64", { dateobs: DATE, skymap: { localization_name: "x", content: "%%%" } }, "base64"),
      wrong(
        "cells that are none",
        { dateobs: DATE, skymap: { localization_name: "x", uniq: [3], probdensity: [1] } },
        "cell 3",
      ),
      wrong(
        "no probability",
        { dateobs: DATE, skymap: { localization_name: "x", uniq: [4], probdensity: [0] } },
        "no probability",
      ),
      wrong(
        "contours that are no areas",
        {
          dateobs: DATE,
          skymap: { localization_name: "x", contours: { contour90: { type: "MultiPolygon" } } },
        },
        "skymap.contours.contour90",
      ),
      wrong(
        "a trigger that is an operator",
        { dateobs: DATE, triggerid: { $gt: 0 }, skymap: { ra: 1, dec: 2, error: 3 } },
        "triggerid: expected",
      ),
      ...(
        [
          ["a level that is hexadecimal", "0x10", '"0x10"'],
          ["a level with an exponent as text", "1e1", '"1e1"'],
          ["a level below the least", 1e-7, "1e-7"],
          ["a level among others", [50, true], "true"],
          ["levels in a text, one of which is empty", "50,,90", '""'],
        ] as const
      ).map(([name, contours, found]) =>
        wrong(
          name,
          { dateobs: DATE, contours, skymap: { ra: 1, dec: 2, error: 3 } },
          `contours: expected a level in percent, from 0.000001 to 100; found ${found.replaceAll('"', '\\"')}`,
        ),
      ),
      wrong(
        "a ready contour below the least level",
        { dateobs: DATE, skymap: { localization_name: "x", contours: { "contour0.0000001": {} } } },
        "skymap.contours.contour0.0000001: expected a name such as contour90, in percent, from 0.000001 to 100",
      ),
      ...(
        [
          ["cells", { uniq: [4], probdensity: [1] }],
          ["a file", { content: "aGVsbG8=" }],
          ["an address", { url: "http://127.0.0.1/x" }],
          ["a Gaussian", { ra: 1, dec: 2, error: 3 }],
          ["a polygon", { polygon: [] }],
          ["an ellipse", { ra: 1, dec: 2, amaj: 3, amin: 2, phi: 0 }],
          ["contours", { contours: {} }],
        ] as const
      ).map(([name, form]) =>
        wrong(
          `a name that is no text, of ${name}`,
          { dateobs: DATE, skymap: { localization_name: 5, ...form } },
          "skymap.localization_name: expected a text",
        ),
      ),
      wrong("a file's address", { dateobs: DATE, skymap: { url: "file:///etc/passwd" } }, "http"),
    ],
  );
  test("regions that are too ragged to be kept", () => {
    // Every second cell of an order: as many ranges as there are cells.
    const cells = 10_000;
    const uniq = Float64Array.from({ length: cells }, (_, n) => 4 * 4 ** 12 + 2 * n);
    const densities = new Float64Array(cells).fill(1);
    const request = { source: { kind: "cells", uniq, densities }, levels: [90] } as const;
    expect(() => buildContours(request, 10_000)).toThrow("ragged");
  });
  test("names and levels of the wrong kind when a skymap is asked for or removed", async () => {
    const names = { localization_name: "48.00000_9.00000_2.00000", dateobs: DATE };
    const catalog = "ZTF_alerts";
    for (const [given, message] of [
      [{ ...names, localization_name: 5 }, "query.skymap.localization_name: expected a text"],
      [{ dateobs: DATE }, "query.skymap.localization_name: missing; expected a text"],
      [{ ...names, contour: "0x10" }, "query.skymap.contour: expected a level in percent"],
      [{ ...names, contour: 1e-7 }, "query.skymap.contour: expected a level in percent"],
      [{ ...names, contour: [90] }, "query.skymap.contour: expected a level in percent"],
      [
        { ...names, dateobs: null, trigger_id: { $gt: 0 } },
        "query.skymap.trigger_id: expected a number or a text",
      ],
      [{ ...names, dateobs: null, aliases: [1] }, "query.skymap.aliases: expected a list of texts"],
    ] as const) {
      const body = { query_type: "skymap", query: { catalog, skymap: given, filter: {} } };
      const { status, text } = await api.ask("ada", "POST", "/api/queries", body);
      expect([status, text]).toEqual([400, expect.stringContaining(message)]);
    }
    for (const [given, message] of [
      [{ ...names, localization_name: 5 }, "localization_name: expected a text"],
      [{ localization_name: "x", triggerid: { $gt: 0 } }, "triggerid: expected a number or a text"],
      [{ localization_name: "x", alias: 5 }, "alias: expected a list of texts"],
    ] as const) {
      const { status, text } = await api.ask("ada", "DELETE", "/api/skymap", given);
      expect([status, text]).toEqual([400, expect.stringContaining(message)]);
    }
    for (const level of ["0x10", "1e-7", "", "-5"]) {
      const { status, text } = await api.ask("ada", "GET", `/api/skymap?dateobs=${DATE}&contours=${level}`);
      expect([status, text]).toEqual([400, expect.stringContaining("contours: expected a level in percent")]);
    }
  });
  test("more maps at a time than memory is meant for", async () => {
    const answers = Array.from({ length: 24 }, (_, second) => {
      const dateobs = `2020-01-01T00:00:${10 + second}`;
      return api.ask("ada", "PUT", "/api/skymap", { dateobs, skymap: { url: `${files.url}/slow.fits` } });
    });
    const states = (await Promise.all(answers)).map(({ status }) => status);
    expect(mostFetching).toBe(4);
    expect(states.filter((status) => status === 429)).toHaveLength(4);
    expect(states.filter((status) => status === 400)).toHaveLength(20);
  });
});
