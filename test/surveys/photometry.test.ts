/** Light curves of real packets against the values that users of such brokers know. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { openContainer } from "../../src/avro/index.ts";
import type { Document } from "../../src/query/index.ts";
import { alertPoints, surveyByName } from "../../src/surveys/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

interface Row {
  readonly mjd: number;
  readonly filter: string;
  readonly flux: number | null;
  readonly fluxerr: number | null;
  readonly zp: number;
  readonly ra: number | null;
  readonly dec: number | null;
}

interface Golden {
  readonly photometry: Record<string, { n: number; n_det: number; first: Row[]; last: Row[] }>;
}

test.skipIf(sharedDir() === undefined)("fluxes of real ZTF packets are the known ones", () => {
  const golden = JSON.parse(readFileSync(sharedPath("reference", "golden.json"), "utf8")) as Golden;
  const ztf = surveyByName("ZTF");
  if (ztf?.lightCurve === undefined) throw new Error("ZTF has no light curve");
  let compared = 0;
  for (const file of new Bun.Glob("**/*.avro").scanSync({ cwd: sharedPath("data", "ztf") })) {
    const bytes = readFileSync(sharedPath("data", "ztf", file));
    for (const record of openContainer(bytes).records()) {
      const packet = record as Document;
      const expected = golden.photometry[`ztf/${String(packet["candid"])}`];
      if (expected === undefined) continue;
      const history = (packet["prv_candidates"] ?? []) as Document[];
      const points = alertPoints([packet["candidate"] as Document, ...history], ztf.lightCurve);
      expect(points.length).toBe(expected.n);
      expect(points.filter(({ flux }) => flux !== null).length).toBe(expected.n_det);
      const rows = points.map(({ band, programid: _, ...point }) => ({ ...point, filter: band }));
      compareRows(rows.slice(0, expected.first.length), expected.first);
      compareRows(rows.slice(-expected.last.length), expected.last);
      compared++;
    }
  }
  expect(compared).toBe(Object.keys(golden.photometry).filter((key) => key.startsWith("ztf/")).length);
});

function compareRows(found: readonly Row[], expected: readonly Row[]): void {
  expect(found.length).toBe(expected.length);
  for (const [n, row] of expected.entries()) {
    expect(found[n]?.filter).toBe(row.filter);
    for (const field of ["mjd", "flux", "fluxerr", "zp", "ra", "dec"] as const) {
      const value = found[n]?.[field] ?? null;
      const wanted = row[field];
      if (wanted === null || value === null) expect(value).toBe(wanted);
      else expect(Math.abs(value / wanted - 1)).toBeLessThan(1e-6);
    }
  }
}
