/** `/api/objects/…/lightcurve` and `…/plot.svg`. */
import { afterAll, beforeAll, describe } from "bun:test";
import type { Document } from "../../src/query/index.ts";
import type { AlertRecord } from "../../src/store/index.ts";
import { openTestApi, scenarios, type TestApi, ztfAlert } from "../support/api.ts";

const JD = 2460000.5;

/** Histories with a public limit, a partnership detection, and forced photometry in both programs. */
function withHistory(alert: AlertRecord): AlertRecord {
  const row = (n: number, more: Document): Document => ({ jd: JD - n, fid: 2, diffmaglim: 20, ...more });
  const measured = [
    row(3, { magpsf: null, programid: 1 }),
    row(2, { magpsf: 19, sigmapsf: 0.1, isdiffpos: "t", programid: 2 }),
  ];
  const forced = [1, 2].map((programid) =>
    row(programid / 10, {
      programid,
      magzpsci: 26,
      forcediffimflux: 1000,
      forcediffimfluxunc: 10,
      procstatus: "0",
    }),
  );
  const history = (field: string, rows: readonly Document[]) => ({
    field,
    merge: "first-seen" as const,
    rows,
    keys: rows.map(({ jd }) => String(jd)),
    jds: rows.map(({ jd }) => Number(jd)),
    startsRecord: true,
  });
  return { ...alert, histories: [history("prv_candidates", measured), history("fp_hists", forced)] };
}

let api: TestApi;
beforeAll(async () => {
  const candidate = {
    jd: JD,
    fid: 1,
    magpsf: 18.5,
    sigmapsf: 0.1,
    diffmaglim: 20.5,
    isdiffpos: "t",
    programid: 1,
  };
  api = await openTestApi({
    alerts: [
      withHistory(ztfAlert(1n, "ZTF20a", { jd: JD, fields: { candidate } })),
      ztfAlert(2n, "ZTF19private", { programid: 3 }),
    ],
  });
});
afterAll(() => api.close());

describe("light curves", () => {
  const at = "GET /api/objects/ztf/ZTF20a";
  scenarios(
    () => api,
    [
      {
        name: "in magnitudes, all of it",
        as: "ada",
        ask: `${at}/lightcurve`,
        status: 200,
        has: [
          '"units":"mag"',
          /"filter":"ztfr","mag":null,"magerr":null,"limmag":20/,
          /"mag":19,.*"programid":2/,
          /"origin":"forced".*"origin":"forced"/,
          /"filter":"ztfg","mag":18.5,"magerr":0.1,/,
        ],
      },
      {
        name: "in fluxes",
        as: "ada",
        ask: `${at}/lightcurve?units=flux&filter=ztfg`,
        status: 200,
        has: ['"filter":"ztfg","flux":144.5', '"zp":23.9'],
        hasNot: ["ztfr"],
      },
      {
        name: "without what the user may not see",
        as: "bea",
        ask: `${at}/lightcurve`,
        status: 200,
        has: ['"programid":1'],
        hasNot: ['"programid":2'],
      },
      {
        name: "without forced photometry",
        as: "ada",
        ask: `${at}/lightcurve?forced=false`,
        status: 200,
        hasNot: ["forced"],
      },
      {
        name: "as a table",
        as: "ada",
        ask: `${at}/lightcurve?format=csv`,
        status: 200,
        has: [/^jd,mjd,filter,mag.*\n2459997\.5,59997,ztfr,,,20,ab,,alert,1\n/],
      },
      {
        name: "drawn",
        as: "bea",
        ask: `${at}/plot.svg`,
        status: 200,
        has: [/^<svg [\s\S]*<\/svg>\n$/, "ZTF20a"],
      },
      {
        name: "units",
        ask: `${at}/lightcurve?units=jansky`,
        status: 400,
        has: ["units jansky: expected one of mag, flux"],
      },
      {
        name: "filter",
        ask: `${at}/lightcurve?filter=ztfg,ztfx`,
        status: 400,
        has: ["filter ztfx: expected one of ztfg, ztfr, ztfi"],
      },
      { name: "format", ask: `${at}/lightcurve?format=xml`, status: 400, has: ["format xml"] },
      {
        name: "not there",
        ask: "GET /api/objects/ztf/ZTF99x/lightcurve",
        status: 404,
        has: ["ZTF99x not found"],
      },
      { name: "hidden", as: "bea", ask: "GET /api/objects/ztf/ZTF19private/plot.svg", status: 404 },
      { name: "without a token", as: "nobody", ask: `${at}/plot.svg`, status: 401 },
      { name: "no survey", ask: "GET /api/objects/sdss/x/plot.svg", status: 400 },
    ],
  );
});
