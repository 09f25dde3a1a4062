/** Light curves: merged, in both units, as a table and drawn. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { decodeContainer } from "../../src/avro/index.ts";
import { csvOf, type LightCurvePoint, lightCurveOf, plotSvg, rowOf } from "../../src/lightcurves/index.ts";
import type { Document } from "../../src/query/index.ts";
import { alertPoints, forcedPoints, surveyByName } from "../../src/surveys/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

const ztf = surveyByName("ZTF")?.lightCurve;
if (ztf === undefined) throw new Error("ZTF has no light curve");
const survey = ztf;

const JD = 2460000.5;
const DETECTION = {
  jd: JD,
  fid: 1,
  magpsf: 18.5,
  sigmapsf: 0.1,
  diffmaglim: 20.5,
  isdiffpos: "t",
  programid: 1,
};
const FAINTER = { ...DETECTION, jd: JD + 1, isdiffpos: "f", fid: 2 };
const LIMIT = { jd: JD + 2, fid: 1, magpsf: null, diffmaglim: 20.25, programid: 1 };
const forcedRow = (jd: number, flux: number, fid = 1) => ({
  jd,
  fid,
  diffmaglim: 20.25,
  magzpsci: 26,
  forcediffimflux: flux,
  forcediffimfluxunc: 10,
  procstatus: "0",
  programid: 1,
});

function curve(alerts: readonly Document[], forced: readonly Document[]): LightCurvePoint[] {
  return lightCurveOf({ alerts: alertPoints(alerts, survey), forced: forcedPoints(forced, survey) });
}

describe("a light curve", () => {
  test("has what alerts measured as they measured it", () => {
    const [bright, faint, limit] = curve([LIMIT, FAINTER, DETECTION, DETECTION], []);
    expect(bright).toMatchObject({
      jd: JD,
      mjd: JD - 2400000.5,
      filter: "ztfg",
      origin: "alert",
      programid: 1,
    });
    expect(bright?.mag).toBeCloseTo(18.5, 10);
    expect(bright?.magerr).toBeCloseTo(0.1, 10);
    expect(bright?.limmag).toBe(20.5);
    expect(bright?.flux).toBeCloseTo(10 ** (0.4 * (23.9 - 18.5)), 8);
    expect(faint?.flux).toBeLessThan(0);
    expect(faint?.mag).toBeCloseTo(18.5, 10);
    expect(limit).toMatchObject({ mag: null, magerr: null, flux: null, limmag: 20.25 });
  });

  test("has forced fluxes at the zero point 23.9, and limits where they are faint", () => {
    const [faint, bright] = curve([], [forcedRow(JD + 1, 100), forcedRow(JD, 20)]);
    const scale = 10 ** (0.4 * (23.9 - 26));
    expect(faint?.flux).toBeCloseTo(20 * scale, 10);
    expect(faint).toMatchObject({ mag: null, origin: "forced" });
    expect(faint?.limmag).toBeCloseTo(26 - 2.5 * Math.log10(50), 10);
    expect(bright?.flux).toBeCloseTo(100 * scale, 10);
    expect(bright?.fluxerr).toBeCloseTo(10 * scale, 10);
    expect(bright?.mag).toBeCloseTo(26 - 2.5 * Math.log10(100), 10);
    expect(bright?.magerr).toBeCloseTo((2.5 / Math.LN10) * 0.1, 10);
  });

  test("has each exposure's best: limits give way to forced photometry, detections stay beside it", () => {
    const points = curve(
      [DETECTION, LIMIT],
      [forcedRow(JD, 100), forcedRow(JD + 2 + 1e-7, 5), forcedRow(JD + 2, 5, 2)],
    );
    expect(points.map(({ filter, origin }) => `${filter} ${origin}`)).toEqual([
      "ztfg alert",
      "ztfg forced",
      "ztfr forced",
      "ztfg forced",
    ]);
  });

  test("as a table has a column for each field, empty where there is nothing", () => {
    const points = curve([DETECTION, LIMIT], []);
    const lines = csvOf(points, "mag").split("\n");
    expect(lines[0]).toBe("jd,mjd,filter,mag,magerr,limmag,magsys,positive,origin,programid");
    expect(lines[2]).toBe("2460002.5,60002,ztfg,,,20.25,ab,,alert,1");
    expect(lines).toHaveLength(4);
    expect(csvOf(points, "flux")).toContain("jd,mjd,filter,flux,fluxerr,zp,magsys,origin,programid");
    expect(Object.keys(rowOf(points[0] as LightCurvePoint, "mag"))).toEqual(lines[0]?.split(",") ?? []);
  });

  test.skipIf(sharedDir() === undefined)("of real packets has the known fluxes", () => {
    interface Known {
      photometry: Record<string, { n: number; n_det: number; first: { mjd: number; flux: number | null }[] }>;
    }
    const known = JSON.parse(readFileSync(sharedPath("reference", "golden.json"), "utf8")) as Known;
    let compared = 0;
    for (const file of new Bun.Glob("**/*.avro").scanSync({ cwd: sharedPath("data", "ztf") })) {
      for (const packet of decodeContainer(readFileSync(sharedPath("data", "ztf", file)))) {
        const expected = known.photometry[`ztf/${String(packet["candid"])}`];
        if (expected === undefined) continue;
        const rows = [packet["candidate"], ...((packet["prv_candidates"] ?? []) as Document[])] as Document[];
        const points = curve(rows, []);
        expect(points).toHaveLength(expected.n);
        expect(points.filter(({ mag }) => mag !== null)).toHaveLength(expected.n_det);
        for (const [n, { mjd, flux }] of expected.first.entries()) {
          expect(points[n]?.mjd).toBeCloseTo(mjd, 7);
          if (flux === null) expect(points[n]?.flux).toBeNull();
          else expect((points[n]?.flux ?? 0) / flux).toBeCloseTo(1, 6);
        }
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(20);
  });
});

describe("a drawing", () => {
  /** The heights of the circles, in the order of the points that have one. */
  const circles = (svg: string) =>
    [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="3.5"/g)].map(([, x, y]) => [
      Number(x),
      Number(y),
    ]);

  test("has bright up, later right, limits as triangles and forced photometry hollow", () => {
    const svg = plotSvg(
      "ZTF20a",
      curve([DETECTION, { ...FAINTER, magpsf: 19.5 }, LIMIT], [forcedRow(JD + 4, 100)]),
    );
    const [bright = [], faint = []] = circles(svg);
    expect(bright[1]).toBeLessThan(faint[1] ?? 0);
    expect(bright[0]).toBeLessThan(faint[0] ?? 0);
    expect(svg.match(/<path d="M[\d.]+ [\d.]+h8l-4 7z"/g)).toHaveLength(1);
    expect(svg.match(/r="3.5" fill="#ffffff"/g)).toHaveLength(1);
    expect(svg).toContain("ztfg 18.500 ± 0.100 at MJD 60000.00000 (alert)");
    expect(svg).toContain("ztfg fainter than 20.250");
    expect(svg).not.toContain("NaN");
  });

  test("stays within its frame, whatever the values", () => {
    for (const points of [
      curve([DETECTION], []),
      curve([], [forcedRow(JD, 1e30)]),
      curve([LIMIT, LIMIT], []),
    ]) {
      const svg = plotSvg("x", points);
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      for (const [x = 0, y = 0] of circles(svg)) {
        expect(x > 0 && x < 800 && y > 0 && y < 450).toBe(true);
      }
    }
  });

  test("says when there is nothing, and takes no markup from names", () => {
    const svg = plotSvg(`<script>alert("1")</script>&`, []);
    expect(svg).toContain("no photometry");
    expect(svg).not.toContain("<script>");
    expect(svg).toContain("&lt;script&gt;");
  });
});
