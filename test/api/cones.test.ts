/** `cone_search`, `near` and `coordinates`: every form of positions, names of answers, options, refusals. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { POSITION_INDEX } from "../../src/store/index.ts";
import { openTestApi, type Scenario, scenarios, type TestApi, ztfAlert } from "../support/api.ts";
import { catalogRow } from "../support/sky.ts";

const FIRST = 1127561440015015001n;
const RA = 71.6577756;
const DEC = -10.2263957;
let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({
    alerts: [
      ztfAlert(FIRST, "ZTF20aahgyet", { ra: RA, dec: DEC, drb: 0.9 }),
      ztfAlert(FIRST + 1n, "ZTF20aaelulu", { ra: RA, dec: DEC + 5 / 3600, drb: 0.5, programid: 2 }),
      ztfAlert(FIRST + 2n, "ZTF19abzrhgq", { ra: 10, dec: 20 }),
    ],
  });
  await api.store.ensureIndexes("stars", [POSITION_INDEX]);
  await api.store.insert("stars", [
    catalogRow(1, [359.9999, 0]),
    catalogRow(2, [0.0001, 0]),
    catalogRow(3, [0.0005, 0]),
    catalogRow(4, [120, 89.9999]),
    catalogRow(5, [300, 89.9999]),
  ]);
});
afterAll(() => api.close());

const CANDID = { _id: 0, candid: 1 };
const first = `{"candid":${FIRST}}`;
const second = `{"candid":${FIRST + 1n}}`;

/** A scenario of a cone of a few arcsec in ZTF_alerts. */
function cone(
  name: string,
  radec: unknown,
  rest: Partial<Scenario> & { radius?: unknown; unit?: unknown; kwargs?: unknown; catalogs?: unknown } = {},
): Scenario {
  const {
    radius = 2,
    unit = "arcsec",
    kwargs,
    catalogs = { ZTF_alerts: { projection: CANDID } },
    ...others
  } = rest;
  const query = {
    object_coordinates: { cone_search_radius: radius, cone_search_unit: unit, radec },
    catalogs,
  };
  const body = { query_type: "cone_search", query, ...(kwargs === undefined ? {} : { kwargs }) };
  return { name, ask: "POST /api/queries", body, status: 200, ...others };
}

const answer = (key: string, ...found: string[]) =>
  `{"ZTF_alerts":{${JSON.stringify(key)}:[${found.join(",")}]}}`;

describe("cone_search", () => {
  scenarios(
    () => api,
    [
      cone("an object of names", { object1: [RA, DEC] }, { data: answer("object1", first) }),
      cone("a name with dots", { "WISE J04.5": [RA, DEC] }, { data: answer("WISE J04_5", first) }),
      cone("a list of pairs", [[RA, DEC]], { data: answer("[71_6577756, -10_2263957]", first) }),
      {
        ...cone("integers and doubles as Python prints them", []),
        body: '{"query_type":"cone_search","query":{"object_coordinates":{"cone_search_radius":1,"cone_search_unit":"arcsec","radec":[[10,20.0],[1e-5,1e-7]]},"catalogs":{"ZTF_alerts":{"projection":{"_id":0,"candid":1}}}}}',
        data: `{"ZTF_alerts":{"[10, 20_0]":[{"candid":${FIRST + 2n}}],"[1e-05, 1e-07]":[]}}`,
      },
      cone("sexagesimal pairs", [["04:46:37.8661", "-10:13:35.025"]], {
        data: answer("['04:46:37_8661', '-10:13:35_025']", first),
      }),
      cone(
        "sexagesimal pairs with letters",
        { a: ["04h46m37.8661s", "-10d13m35.025s"] },
        { data: answer("a", first) },
      ),
      cone("text in degrees", `${RA} ${DEC}`, { data: answer("(71_6577756, -10_2263957)", first) }),
      cone("sexagesimal text", "04:46:37.8661 -10:13:35.025", {
        data: answer("('04:46:37_8661', '-10:13:35_025')", first),
      }),
      cone("JSON as text", `[[${RA}, ${DEC}]]`, { data: answer("[71_6577756, -10_2263957]", first) }),
      cone("a Python literal as text", `{'a': (${RA}, ${DEC})}`, { data: answer("a", first) }),
      cone("tuples of a Python literal", `[(${RA}, ${DEC})]`, {
        data: answer("(71_6577756, -10_2263957)", first),
      }),
      cone("numbers as text", { a: [`${RA}`, `${DEC}`] }, { data: answer("a", first) }),
      cone(
        "a radius as text, in degrees",
        { a: [RA, DEC] },
        { radius: "0.00222", unit: "deg", data: answer("a", first, second), as: "ada" },
      ),
      cone(
        "in radians and minutes of arc",
        { a: [RA, DEC] },
        { radius: 4e-5, unit: "rad", data: answer("a", first, second) },
      ),
      cone("no programs of others", { a: [RA, DEC] }, { as: "bea", radius: 8, data: answer("a", first) }),
      cone(
        "a filter as text and a projection",
        { a: [RA, DEC] },
        {
          radius: 8,
          catalogs: {
            ZTF_alerts: { filter: "{'candidate.drb': {'$lt': 0.6}}", projection: "{'_id': 0, 'candid': 1}" },
          },
          data: answer("a", second),
        },
      ),
      cone(
        "nothing found, nothing known",
        { a: [RA, DEC], b: [200, 5] },
        {
          catalogs: { " ZTF_alerts ": { projection: CANDID }, nope: null },
          data: `{"ZTF_alerts":{"a":[${first}],"b":[]},"nope":{"a":[],"b":[]}}`,
        },
      ),
      cone("no positions", [], { data: '{"ZTF_alerts":{}}' }),
      cone(
        "options for each position",
        { a: [RA, DEC], b: [10, 20] },
        {
          radius: 8,
          kwargs: { sort: [["candidate.drb", 1]], limit: 1, filter_first: true, max_time_ms: 5000 },
          data: `{"ZTF_alerts":{"a":[${second}],"b":[{"candid":${FIRST + 2n}}]}}`,
        },
      ),
      cone(
        "skip",
        { a: [RA, DEC] },
        { radius: 8, kwargs: { sort: { candid: 1 }, skip: 1 }, data: answer("a", second) },
      ),
      cone(
        "across ra = 0",
        { a: [0, 0] },
        {
          radius: 0.5,
          catalogs: { stars: { projection: { _id: 1 } } },
          data: '{"stars":{"a":[{"_id":2},{"_id":1}]}}',
        },
      ),
      cone(
        "across the pole, with distances",
        { a: [120, 90] },
        {
          radius: 0.4,
          kwargs: { distance: true },
          catalogs: { stars: { projection: { _id: 1 } } },
          has: [
            /\{"_id":4,"coordinates":\{"distance_arcsec":0\.3[56]/,
            /\{"_id":5,"coordinates":\{"distance_arcsec":0\.3[56]/,
          ],
        },
      ),
      cone(
        "system collections",
        { a: [1, 2] },
        { as: "ada", catalogs: { users: {} }, status: 403, has: ["Protected collection"] },
      ),
      cone(
        "system collections beside others",
        { a: [1, 2] },
        { as: "ada", catalogs: { ZTF_alerts: {}, " users": {} }, status: 403 },
      ),
      cone(
        "cutouts of others",
        { a: [1, 2] },
        { as: "bea", catalogs: { ZTF_alerts_cutouts: {} }, status: 403 },
      ),
      cone(
        "another unit",
        { a: [1, 2] },
        { unit: "furlong", status: 400, has: ["cone_search_unit", "arcsec, arcmin, deg, rad"] },
      ),
      cone("a negative radius", { a: [1, 2] }, { radius: -1, status: 400, has: ["cone_search_radius"] }),
      cone(
        "a declination off the sphere",
        { a: [1, 91] },
        { status: 400, has: ["radec.a: dec", "-90 to 90"] },
      ),
      cone(
        "a right ascension off the sphere",
        [
          [1, 2],
          [400, 1],
        ],
        { status: 400, has: [/radec\[1\]: ra/] },
      ),
      cone("one number, one text", [[1, "10:00:00"]], { status: 400, has: ["both"] }),
      cone("two parts of three", ["04:46 -10:13"], { status: 400, has: ["HH:MM:SS"] }),
      cone("no pair", { a: [1] }, { status: 400, has: ["radec.a"] }),
      cone("no positions at all", undefined, { status: 400, has: ["radec"] }),
      cone("one name for two", { "a.b": [1, 2], a_b: [3, 4] }, { status: 400, has: ["a_b"] }),
      cone(
        "a wrong operator",
        { a: [1, 2] },
        {
          catalogs: { stars: { filter: { x: { $gtt: 1 } } } },
          status: 400,
          has: [/catalogs\.stars\.filter\.x\.\$gtt/],
        },
      ),
      cone("a wrong index", { a: [1, 2] }, { kwargs: { hint: "nope" }, status: 400, has: ["hint"] }),
      {
        ...cone("no coordinates", {}),
        body: { query_type: "cone_search", query: { catalogs: {} } },
        status: 400,
        has: ["object_coordinates"],
      },
      { ...cone("no catalogues", { a: [1, 2] }, { catalogs: 1 }), status: 400, has: ["query.catalogs"] },
    ],
  );

  test("thousands of positions in one request, each with its documents", async () => {
    const radec = Object.fromEntries(
      Array.from({ length: 5000 }, (_, n) => [`o${n}`, n % 100 === 0 ? [RA, DEC] : [n / 20, -45 + n / 100]]),
    );
    const { body } = cone("", radec);
    const { text } = await api.ask("ada", "POST", "/api/queries", body);
    const { data } = JSON.parse(text) as { data: { ZTF_alerts: Record<string, unknown[]> } };
    const found = Object.entries(data.ZTF_alerts);
    expect(found).toHaveLength(5000);
    expect(found.filter(([, documents]) => documents.length === 1).map(([name]) => name)).toEqual(
      Array.from({ length: 50 }, (_, n) => `o${100 * n}`),
    );
  });

  test("a time limit ends all of it", async () => {
    const radec = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`o${n}`, [n / 60, 10]]));
    const { body } = cone("", radec, { radius: 10, unit: "deg", kwargs: { max_time_ms: 1 } });
    const { status } = await api.ask("ada", "POST", "/api/queries", body);
    expect(status).toBe(504);
  });

  test("among several queries, and saved for later", async () => {
    const { body } = cone("", { a: [RA, DEC] });
    const several = await api.ask("ada", "POST", "/api/queries", { queries: [body, body] });
    const one = `{"status":"success","message":"Successfully executed query","data":${answer("a", first)}}`;
    expect(several.text).toContain(`"data":[${one},${one}]`);
    const saved = await api.ask("ada", "POST", "/api/queries", {
      ...(body as object),
      kwargs: { save: true },
    });
    const { query_id } = JSON.parse(saved.text) as { query_id: string };
    for (let tries = 0; tries < 100; tries++) {
      const { text } = await api.ask("ada", "GET", `/api/queries/${query_id}?part=result`);
      if (text.includes("not finished")) await Bun.sleep(20);
      else {
        expect(text).toBe(one);
        return;
      }
    }
    throw new Error("the saved query did not end");
  });
});

function nearby(name: string, query: object, rest: Partial<Scenario> & { kwargs?: unknown } = {}): Scenario {
  const { kwargs, ...others } = rest;
  const body = {
    query_type: "near",
    query: { radec: { a: [0, 0] }, catalogs: { stars: { projection: { _id: 1 } } }, ...query },
    ...(kwargs === undefined ? {} : { kwargs }),
  };
  return { name, ask: "POST /api/queries", body, status: 200, ...others };
}

describe("near", () => {
  const ids = (...found: number[]) => `{"stars":{"a":[${found.map((id) => `{"_id":${id}}`).join(",")}]}}`;
  scenarios(
    () => api,
    [
      nearby("a minute of arc when nothing is said", { radec: { a: [0.0002, 0] } }, { data: ids(2, 1, 3) }),
      nearby(
        "the same in any unit",
        { radec: { a: [0.0002, 0] }, distance_units: "arcsec" },
        { data: ids(2, 1, 3) },
      ),
      nearby(
        "from a least distance",
        { radec: { a: [0.0002, 0] }, min_distance: 0.5, max_distance: 1.2, distance_units: "arcsec" },
        { data: ids(1, 3) },
      ),
      nearby(
        "the nearest only",
        { max_distance: 1, distance_units: "deg", radec: { a: [0.0006, 0] } },
        { kwargs: { limit: 1 }, data: ids(3) },
      ),
      nearby(
        "in another order",
        { max_distance: 1, distance_units: "deg" },
        { kwargs: { sort: { _id: -1 } }, data: ids(3, 2, 1) },
      ),
      nearby(
        "the whole sky",
        { max_distance: 180, distance_units: "deg", radec: { a: [0, -90] } },
        { has: [/\{"_id":4\}/, /\{"_id":1\}/] },
      ),
      nearby(
        "no further than nearer",
        { min_distance: 2, max_distance: 1 },
        { status: 400, has: ["min_distance"] },
      ),
      nearby("another unit", { distance_units: "km" }, { status: 400, has: ["distance_units"] }),
    ],
  );
});

describe("coordinates", () => {
  const asked = (name: string, query: object, rest: Partial<Scenario> = {}): Scenario => ({
    name,
    ask: "POST /api/queries",
    body: { query_type: "coordinates", query },
    status: 200,
    ...rest,
  });
  scenarios(
    () => api,
    [
      asked(
        "sexagesimal to degrees and other frames",
        { radec: { a: "04:46:37.8661 -10:13:35.025" } },
        {
          has: [
            /"ra":71\.65777/,
            /"radec_str":\["04:46:37\.8661","-10:13:35\.025"\]/,
            /"l":-?\d+\.\d+,"b":-?\d+\.\d+/,
            /"lambda"/,
          ],
        },
      ),
      asked(
        "from Galactic",
        { radec: { centre: [0, 0] }, frame: "galactic" },
        { has: [/"ra":266\.40/, /"dec":-28\.93/] },
      ),
      asked(
        "from ecliptic",
        { radec: { pole: [0, 90] }, frame: "ecliptic" },
        { has: [/"ra":270\.0/, /"dec":66\.56/] },
      ),
      asked(
        "separation and position angle",
        { radec: { a: [10, 1] }, from: "10 0" },
        {
          has: [/"separation":\{"deg":1\.0,"arcsec":3600\.0,"position_angle":0\.0\}/],
        },
      ),
      asked("another frame", { radec: [[1, 2]], frame: "horizontal" }, { status: 400, has: ["query.frame"] }),
      asked(
        "two origins",
        {
          radec: [[1, 2]],
          from: [
            [1, 2],
            [3, 4],
          ],
        },
        { status: 400, has: ["query.from"] },
      ),
    ],
  );
});
