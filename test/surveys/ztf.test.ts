/** The ZTF document against the values that the original computes for the real packets. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Double } from "bson";
import { openContainer } from "../../src/avro/index.ts";
import type { Document } from "../../src/query/index.ts";
import { PacketError, surveyForSchema } from "../../src/surveys/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

function plain(value: unknown): unknown {
  if (value instanceof Double) return value.value;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  }
  return value;
}

function realPackets(): { key: string; packet: Document }[] {
  return ["20200202", "20231012"].flatMap((night) =>
    readdirSync(sharedPath("data", "ztf", night)).map((file) => {
      const container = openContainer(readFileSync(join(sharedPath("data", "ztf", night), file)));
      const [packet] = [...container.records()];
      return { key: `ztf/${file.replace(".avro", "")}`, packet: packet as Document };
    }),
  );
}

function close(actual: unknown, expected: unknown, tolerance: (x: number) => number, path: string): void {
  if (typeof expected === "number") {
    expect({
      path,
      ok: Math.abs(Number(actual) - expected) <= tolerance(expected),
      actual,
      expected,
    }).toMatchObject({
      ok: true,
    });
  } else if (typeof expected === "object" && expected !== null) {
    for (const [k, v] of Object.entries(expected)) {
      close((actual as Record<string, unknown>)[k], v, tolerance, `${path}.${k}`);
    }
  } else expect(actual).toEqual(expected);
}

const ztf = surveyForSchema("ztf.alert", new Set());
if (ztf === undefined) throw new Error("ZTF is not registered");

describe.skipIf(sharedDir() === undefined)("the ZTF document of the real packets", () => {
  const golden = sharedDir() ? JSON.parse(readFileSync(sharedPath("reference", "golden.json"), "utf8")) : {};
  const packets = sharedDir() ? realPackets() : [];

  test("24 packets of 23 objects", () => {
    expect(packets.length).toBe(24);
    expect(new Set(packets.map(({ packet }) => packet["objectId"])).size).toBe(23);
  });

  for (const { key, packet } of packets) {
    test(`${key}: coordinates, history and forced photometry`, () => {
      const record = ztf.map(structuredCloneKeepingBoxes(packet));
      const { ra, dec, objectId, n_prv, n_fp, ...coordinates } = golden.coordinates[key];
      const actual = plain(record.document["coordinates"]) as Document;
      const { radec_str, ...numeric } = coordinates;
      close(actual, numeric, () => 1e-9, "coordinates");
      expect(actual["radec_str"]).toEqual(radec_str.map(repaired));
      expect(record.objectId).toBe(objectId);
      expect(record.document["_id"]).toBe(record.candid);
      for (const field of ["prv_candidates", "fp_hists", "cutoutScience"]) {
        expect(record.document).not.toHaveProperty(field);
      }
      const [prv, fp] = record.histories;
      expect(prv?.rows.length).toBe(n_prv);
      if (golden.fp_hists[key] !== undefined) {
        expect(fp?.rows.length).toBe(golden.fp_hists[key].n);
        for (const [row, expected] of [
          [fp?.rows[0], golden.fp_hists[key].first],
          [fp?.rows.at(-1), golden.fp_hists[key].last],
        ]) {
          const wanted = Object.fromEntries(Object.entries(expected).filter(([, v]) => v !== null));
          close(plain(row), wanted, (x) => Math.abs(x) * 1e-9, "fp_hists");
          expect(Object.keys(row).sort()).toEqual(Object.keys(wanted).sort());
        }
      } else expect(n_fp).toBe(0);
      expect(record.cutouts.map((cutout) => cutout.field)).toEqual([
        "cutoutScience",
        "cutoutTemplate",
        "cutoutDifference",
      ]);
    });
  }
});

/** The original does not zero-pad negative degrees; we do. */
const repaired = (text: string) => text.replace(/^-(\d):/, "-0$1:");

const structuredCloneKeepingBoxes = (packet: Document): Document => ({ ...packet });

function minimal(overrides: Document = {}, candidate: Document = {}): Document {
  return {
    objectId: "ZTF20aaaaaaa",
    candid: 1127561440015015001n,
    candidate: { jd: 2458881.5, ra: 10.5, dec: -20.25, magpsf: 18.5, ...candidate },
    prv_candidates: null,
    ...overrides,
  };
}

describe("packets that are no ZTF alerts", () => {
  const cases: [string, Document, string][] = [
    ["no objectId", minimal({ objectId: null }), "objectId"],
    ["a candid that is no int64", minimal({ candid: 12 }), "candid"],
    ["no candidate", minimal({ candidate: null }), "candidate"],
    ["a jd that is not finite", minimal({}, { jd: Number.NaN }), "candidate.jd"],
    ["right ascension out of range", minimal({}, { ra: 360.5 }), "candidate"],
    ["declination out of range", minimal({}, { dec: -91.5 }), "candidate"],
    ["history that is no array", minimal({ prv_candidates: 3 }), "prv_candidates"],
    ["a history row without time", minimal({ prv_candidates: [{ jd: null }] }), "prv_candidates[0].jd"],
    ["a stamp without bytes", minimal({ cutoutScience: { stampData: "x" } }), "cutoutScience.stampData"],
  ];
  for (const [what, packet, field] of cases) {
    test(`${what} is refused by name`, () => {
      try {
        ztf.map(packet);
        throw new Error("was accepted");
      } catch (error) {
        expect(error).toBeInstanceOf(PacketError);
        expect((error as PacketError).field).toBe(field);
      }
    });
  }
});

describe("forced photometry", () => {
  const row = (jd: number, flux: number) => ({
    jd,
    forcediffimflux: flux,
    forcediffimfluxunc: 10.5,
    magzpsci: 26.5,
    procstatus: "0",
  });

  test("is sorted, has one row per jd, drops nulls and failed measurements", () => {
    const packet = minimal(
      { fp_hists: [row(3.5, 100.5), row(1.5, -99999), row(1.5, 50.5), { ...row(2.5, 5.5), magzpsci: null }] },
      { ndethist: 1 },
    );
    const fp = ztf.map(packet).histories[1];
    expect(fp?.jds).toEqual([1.5, 2.5, 3.5]);
    expect(fp?.rows[0]).not.toHaveProperty("forcediffimflux");
    expect(fp?.rows[0]).not.toHaveProperty("mag");
    expect(fp?.rows[1]).not.toHaveProperty("magzpsci");
    expect(fp?.rows[2]?.["mag"]).toBeCloseTo(-2.5 * Math.log10(100.5) + 26.5, 12);
    expect(fp?.rows[2]?.["snr"]).toBeCloseTo(100.5 / 10.5, 12);
  });

  test("starts a record only when it reaches back to the first detection", () => {
    const starts = (candidate: Document) => ztf.map(minimal({}, candidate)).histories[1]?.startsRecord;
    expect(starts({ ndethist: 1, jdstarthist: 2458000.5 })).toBe(true);
    expect(starts({ ndethist: 9, jdstarthist: 2458881.5 - 29.9 })).toBe(true);
    expect(starts({ ndethist: 9, jdstarthist: 2458881.5 - 30 })).toBe(false);
    expect(starts({ ndethist: 9, jdstarthist: null })).toBe(false);
  });
});
