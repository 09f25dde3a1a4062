/** `/api/classifications`: labels set, merged, taken away, and kept from whom may not see the alert. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { openTestApi, scenarios, type TestApi, ztfAlert } from "../support/api.ts";

const CANDID = 1127561440015015001n;
let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({
    alerts: [
      ztfAlert(CANDID, "ZTF20aahgyet"),
      ztfAlert(5n, "ZTF18small"),
      ztfAlert(2n, "ZTF19private", { programid: 3 }),
    ],
  });
});
afterAll(() => api.close());

const at = `/api/classifications/ztf`;
const get = (candid: bigint) => `GET ${at}/${candid}`;

describe("labels", () => {
  scenarios(
    () => api,
    [
      { name: "none yet", ask: get(CANDID), status: 404, has: ["not found"] },
      {
        name: "set for several alerts, each its own, in every form",
        as: "ada",
        ask: `PUT ${at}`,
        body: `{"${CANDID}": {"human_labels": {"Ia": 0.8, "Ib": 0.1}}, "5": {"ml_scores": "AGN, QSO", "human_labels": ["var"]}}`,
        status: 200,
        has: ["2 ZTF alerts"],
      },
      {
        name: "read with the exact candid",
        as: "bea",
        ask: get(CANDID),
        status: 200,
        data: `{"candid":${CANDID},"objectId":"ZTF20aahgyet","human_labels":{"Ia":0.8,"Ib":0.1}}`,
      },
      {
        name: "lists are labels of 1",
        ask: get(5n),
        status: 200,
        data: '{"candid":5,"objectId":"ZTF18small","human_labels":{"var":1.0},"ml_scores":{"AGN":1.0,"QSO":1.0}}',
      },
      {
        name: "others stay",
        as: "bea",
        ask: `PUT ${at}`,
        body: `{"${CANDID}": {"human_labels": {"Ia": 0.2, "Ic": 0.7}}}`,
        status: 200,
      },
      { name: "merged", ask: get(CANDID), status: 200, has: ['{"Ia":0.2,"Ib":0.1,"Ic":0.7}'] },
      {
        name: "taken away",
        ask: `DELETE ${at}`,
        body: `{"${CANDID}": {"human_labels": ["Ia", "Ic", "never there"]}}`,
        status: 200,
      },
      { name: "what is left", ask: get(CANDID), status: 200, has: ['"human_labels":{"Ib":0.1}'] },
    ],
  );

  test("of many requests at once are all there", async () => {
    const names = Array.from({ length: 12 }, (_, n) => `label ${n}`);
    const answers = await Promise.all(
      names.map((name) => api.ask("ada", "PUT", at, { "5": { ml_scores: { [name]: 0.5 } } })),
    );
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
    const { text } = await api.ask("ada", "GET", `${at}/5`);
    for (const name of names) expect(text).toContain(`"${name}":0.5`);
  });
});

describe("what is refused", () => {
  const put = (body: unknown) => ({ ask: `PUT ${at}`, body }) as const;
  scenarios(
    () => api,
    [
      { name: "without a token", as: "nobody", ...put({ "5": { ml_scores: ["x"] } }), status: 401 },
      { name: "reading without a token", as: "nobody", ask: get(5n), status: 401 },
      { name: "nothing", ...put({}), status: 400, has: ["no candid provided"] },
      { name: "no labels", ...put({ "5": {} }), status: 400, has: ["5: no classifications provided"] },
      { name: "empty labels", ...put({ "5": { ml_scores: {} } }), status: 400, has: ["no classifications"] },
      {
        name: "a number",
        ...put({ "5": { ml_scores: 1 } }),
        status: 400,
        has: ["5.ml_scores: expected labels"],
      },
      {
        name: "no number",
        ...put({ "5": { ml_scores: { a: "x" } } }),
        status: 400,
        has: ["5.ml_scores.a: expected a number"],
      },
      { name: "dots", ...put({ "5": { ml_scores: { "a.b": 1 } } }), status: 400, has: ["without dots"] },
      {
        name: "a prototype",
        ...put('{"5": {"ml_scores": {"__proto__": 1}}}'),
        status: 400,
        has: ["__proto__"],
      },
      { name: "no candid", ...put({ x: { ml_scores: ["a"] } }), status: 400, has: ["candid x"] },
      {
        name: "one alert is not stored: none is changed",
        ...put({ "5": { ml_scores: ["gone"] }, "6": { ml_scores: ["gone"] } }),
        status: 404,
        has: ["ZTF alert 6 not found"],
        effect: async (opened) =>
          expect((await opened.ask("ada", "GET", `${at}/5`)).text).not.toContain("gone"),
      },
      {
        name: "hidden",
        as: "bea",
        ...put({ "2": { ml_scores: ["a"] } }),
        status: 404,
        has: ["alert 2 not found"],
      },
      {
        name: "the collection, for those who may not see all alerts",
        as: "bea",
        ask: "POST /api/queries",
        body: { query_type: "find", query: { catalog: "ZTF_alerts_classifications", filter: {} } },
        status: 403,
      },
      {
        name: "but others query it",
        as: "ada",
        ask: "POST /api/queries",
        body: {
          query_type: "find",
          query: { catalog: "ZTF_alerts_classifications", filter: { "ml_scores.AGN": { $gt: 0.5 } } },
        },
        status: 200,
        has: ['"objectId":"ZTF18small"'],
      },
    ],
  );
});
