/** `/api/alerts` and `/api/objects`: what is told, and what is kept from whom. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestApi, scenarios, type TestApi, ztfAlert } from "../support/api.ts";

const CANDID = 1127561440015015001n;
let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({
    alerts: [
      ztfAlert(CANDID, "ZTF20aahgyet", { jd: 2460010.5 }),
      ztfAlert(CANDID + 1n, "ZTF20aahgyet", { jd: 2460020.5, programid: 2 }),
      ztfAlert(CANDID + 2n, "ZTF19private", { programid: 3 }),
      ztfAlert(3n, "ZTF18small"),
    ],
  });
});
afterAll(() => api.close());

describe("one alert", () => {
  scenarios(
    () => api,
    [
      {
        name: "by candid, exactly",
        as: "ada",
        ask: `GET /api/alerts/ztf/${CANDID}`,
        status: 200,
        has: [`"candid":${CANDID},`, '"objectId":"ZTF20aahgyet"', '"exptime":30.0', '"rb":null'],
        hasNot: ["cutoutScience", "prv_candidates"],
      },
      {
        name: "survey in capitals",
        as: "ada",
        ask: "GET /api/alerts/ZTF/3",
        status: 200,
        has: ['"candid":3,'],
      },
      {
        name: "not there",
        ask: `GET /api/alerts/ztf/${CANDID + 64n}`,
        status: 404,
        has: [`ZTF alert ${CANDID + 64n} not found`],
      },
      {
        name: "no number",
        ask: "GET /api/alerts/ztf/1e3",
        status: 400,
        has: ["candid 1e3: expected a whole number"],
      },
      {
        name: "beyond int64",
        ask: "GET /api/alerts/ztf/9223372036854775808",
        status: 400,
        has: ["candid 9223372036854775808"],
      },
      { name: "largest int64", ask: "GET /api/alerts/ztf/9223372036854775807", status: 404 },
      {
        name: "no survey",
        ask: "GET /api/alerts/sdss/3",
        status: 400,
        has: ["survey sdss: expected one of ZTF"],
      },
      {
        name: "nobody asks",
        as: "nobody",
        ask: `GET /api/alerts/ztf/${CANDID}`,
        status: 401,
        hasNot: ["ZTF20aahgyet"],
      },
      { name: "public, restricted user", as: "bea", ask: `GET /api/alerts/ztf/${CANDID}`, status: 200 },
      {
        name: "of the partnership, restricted user",
        as: "bea",
        ask: `GET /api/alerts/ztf/${CANDID + 1n}`,
        status: 404,
        hasNot: ["2460020"],
      },
    ],
  );
});

describe("one object", () => {
  scenarios(
    () => api,
    [
      {
        name: "alerts in time, whole history",
        as: "ada",
        ask: "GET /api/objects/ztf/ZTF20aahgyet",
        status: 200,
        has: [
          '"objectId":"ZTF20aahgyet"',
          new RegExp(`"candid":${CANDID},.*"candid":${CANDID + 1n},`),
          '"prv_candidates":[',
        ],
        hasNot: ["cutoutScience"],
        effect: (_, { text }) => expect(programs(text)).toEqual([1, 1, 1, 2, 2, 2]),
      },
      {
        name: "only what the restricted user may see",
        as: "bea",
        ask: "GET /api/objects/ztf/ZTF20aahgyet",
        status: 200,
        hasNot: [`"candid":${CANDID + 1n}`, '"programid":2'],
        effect: (_, { text }) => expect(programs(text)).toEqual([1, 1, 1]),
      },
      {
        name: "without any public alert",
        as: "bea",
        ask: "GET /api/objects/ztf/ZTF19private",
        status: 404,
        hasNot: ["prv_candidates"],
      },
      { name: "the same, unrestricted", as: "ada", ask: "GET /api/objects/ztf/ZTF19private", status: 200 },
      {
        name: "not there",
        ask: "GET /api/objects/ztf/ZTF00nope",
        status: 404,
        has: ["ZTF object ZTF00nope not found"],
      },
      { name: "nobody asks", as: "nobody", ask: "GET /api/objects/ztf/ZTF20aahgyet", status: 401 },
    ],
  );
});

/** The program ids of an object's alerts and history rows, in ascending order. */
function programs(text: string): number[] {
  return [...text.matchAll(/"programid":(\d)/g)].map(([, id]) => Number(id)).sort();
}

test("a change of permissions counts at once", async () => {
  const path = `/api/alerts/ztf/${CANDID + 1n}`;
  expect((await api.ask("bea", "GET", path)).status).toBe(404);
  await api.ask("admin", "PUT", "/api/users/bea", { permissions: { ZTF: [1, 2] } });
  expect((await api.ask("bea", "GET", path)).status).toBe(200);
  await api.ask("admin", "PUT", "/api/users/bea", { permissions: { ZTF: [] } });
  expect((await api.ask("bea", "GET", `/api/alerts/ztf/${CANDID}`)).status).toBe(404);
});
