/** Simulated packets: their schema, their histories, and what other readers make of them. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import avsc from "avsc";
import { Double } from "bson";
import fc from "fast-check";
import { openContainer } from "../../src/avro/index.ts";
import { type Document, isDocument, type Value } from "../../src/query/index.ts";
import {
  type SimulationOptions,
  simulate,
  simulateRecords,
  ZTF_SCHEMA,
} from "../../src/sources/simulator/index.ts";
import { surveyForSchema } from "../../src/surveys/index.ts";
import { sharedPackets } from "../avro/support.ts";

const [realPacket] = sharedPackets("ztf/20231012");
if (realPacket === undefined)
  process.stderr.write("skipped: the simulator's schema beside a real one (no ../shared)\n");

/** Small surveys of every shape. */
const surveys = fc.record({
  alerts: fc.integer({ min: 40, max: 500 }),
  nights: fc.integer({ min: 1, max: 6 }),
  seed: fc.nat(),
  start: fc.constantFrom("2019-01-01", "2024-02-28", "2026-12-30"),
  cutouts: fc.constant(false),
});

function rowsOf(record: Document, field: string): Document[] {
  const rows = record[field];
  return Array.isArray(rows) ? rows.filter(isDocument) : [];
}

function candidateOf(record: Document): Document {
  const candidate = record["candidate"];
  if (!isDocument(candidate)) throw new Error("no candidate");
  return candidate;
}

function numberOf(value: Value | undefined): number {
  return value instanceof Double ? value.value : Number(value);
}

describe("a simulated survey", () => {
  test("has exactly the alerts asked for, in time order, with names of their own", () => {
    fc.assert(
      fc.property(surveys, (options) => {
        const made = [...simulateRecords(options)];
        expect(made.length).toBe(options.alerts);
        expect(new Set(made.map(({ candid }) => candid)).size).toBe(options.alerts);
        const nights = new Map<number, number>();
        let before = 0;
        for (const { jd, candid, objectId, record, name } of made) {
          expect(jd).toBeGreaterThanOrEqual(before);
          before = jd;
          const candidate = candidateOf(record);
          expect(objectId).toMatch(/^ZTF\d\d[a-z]{7}$/);
          expect(record["candid"]).toBe(candid);
          expect(candidate["candid"]).toBe(candid);
          expect(name).toBe(`${candid}.avro`);
          // Night, share of the day and channel, as in ZTF's numbers.
          expect(String(candid)).toStartWith(String(candidate["pid"]));
          expect(String(candidate["pid"])).toStartWith(String(candidate["nid"]));
          const night = numberOf(candidate["nid"]);
          nights.set(night, (nights.get(night) ?? 0) + 1);
        }
        const counts = [...nights.values()];
        expect(counts.length).toBe(options.nights);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 12 },
    );
  });

  test("gives the same bytes for the same seed, others for another", () => {
    const bytes = (seed: number) =>
      [...simulate({ alerts: 60, nights: 2, seed })].map((packet) => Bun.hash(packet.bytes));
    expect(bytes(5)).toEqual(bytes(5));
    expect(bytes(5)).not.toEqual(bytes(6));
  });

  test("is the same sky on other nights: two surveys of a night each are one survey of two", () => {
    fc.assert(
      fc.property(surveys, fc.integer({ min: 40, max: 200 }), ({ seed, start }, alerts) => {
        const next = new Date(Date.parse(start) + 86_400_000).toISOString().slice(0, 10);
        const options = { alerts, seed, cutouts: false };
        const apart = [
          ...simulateRecords({ ...options, start }),
          ...simulateRecords({ ...options, start: next }),
        ];
        const together = [...simulateRecords({ ...options, alerts: 2 * alerts, nights: 2, start })];
        expect(together.map(({ objectId }) => objectId)).toEqual(apart.map(({ objectId }) => objectId));
        expect(together.map(({ record }) => record)).toEqual(apart.map(({ record }) => record));
      }),
      { numRuns: 8 },
    );
  });

  test("shows every kind of source", () => {
    const kinds = new Set([...simulateRecords({ alerts: 400, cutouts: false })].map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(["active galaxy", "asteroid", "bogus", "supernova", "variable star"]);
  });

  test("takes no memory for its alerts", () => {
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    for (const { bytes } of simulate({ alerts: 6000, nights: 3 })) expect(bytes.length).toBeLessThan(120_000);
    Bun.gc(true);
    // The packets are 420 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  }, 30_000);

  test.each([
    [{ alerts: 0 }, "alerts: expected at least 1"],
    [{ alerts: 2.5 }, "alerts: expected at least 1"],
    [{ alerts: 10, nights: 0 }, "nights: expected at least 1"],
    [{ alerts: 10, nights: 11 }, "11 nights need at least 11 alerts"],
    [{ alerts: 5_000_000 }, "take at least 3"],
    [{ alerts: 10, start: "2024-02-30" }, "start: expected a date"],
    [{ alerts: 10, start: "yesterday" }, "start: expected a date"],
    [{ alerts: 10, start: "1999-01-01" }, "start: expected a night from"],
  ] satisfies [SimulationOptions, string][])("refuses %j", (options, message) => {
    expect(() => simulateRecords(options)).toThrow(message);
  });
});

describe("histories", () => {
  test("grow from alert to alert of an object", () => {
    let pairs = 0;
    fc.assert(
      fc.property(surveys, (options) => {
        const seen = new Map<string, Document[]>();
        for (const { objectId, record } of simulateRecords(options)) {
          const now = candidateOf(record);
          const history = new Map(rowsOf(record, "prv_candidates").map((row) => [row["candid"], row]));
          for (const then of seen.get(objectId) ?? []) {
            pairs++;
            expect(now["jdstarthist"]).toEqual(then["jdstarthist"]);
            expect(numberOf(now["ndethist"])).toBeGreaterThan(numberOf(then["ndethist"]));
            expect(numberOf(now["ncovhist"])).toBeGreaterThan(numberOf(then["ncovhist"]));
            if (numberOf(now["jd"]) - numberOf(then["jd"]) > 30) continue;
            const row = history.get(then["candid"]);
            // What was measured then stands in the history as it stood in the alert.
            for (const field of ["jd", "pid", "fid", "ra", "dec", "magpsf", "sigmapsf", "isdiffpos", "rb"]) {
              expect(row?.[field]).toEqual(then[field]);
            }
          }
          seen.set(objectId, [...(seen.get(objectId) ?? []), now]);
        }
      }),
      { numRuns: 12 },
    );
    expect(pairs).toBeGreaterThan(500);
  });

  test("hold 30 days in order, with detections that agree with the counts and the forced fluxes", () => {
    fc.assert(
      fc.property(surveys, (options) => {
        for (const { record } of simulateRecords(options)) checkHistory(record);
      }),
      { numRuns: 8 },
    );
  });

  test("have failed forced measurements and permissions now and then", () => {
    const forced: Document[] = [];
    const programs = new Set<Value | undefined>();
    for (const { record } of simulateRecords({ alerts: 300, cutouts: false })) {
      forced.push(...rowsOf(record, "fp_hists"));
      for (const row of rowsOf(record, "prv_candidates")) programs.add(row["programid"]);
    }
    const failed = forced.filter((row) => numberOf(row["forcediffimflux"]) === -99999);
    expect(failed.length / forced.length).toBeWithin(0.01, 0.06);
    expect(failed.every((row) => row["procstatus"] !== "0")).toBe(true);
    expect([...programs].sort()).toEqual([1, 2, 3]);
    expect(new Set(forced.map((row) => row["fid"])).size).toBe(3);
  });
});

function checkHistory(record: Document): void {
  const candidate = candidateOf(record);
  const jd = numberOf(candidate["jd"]);
  expect(numberOf(candidate["jdendhist"])).toBe(jd);
  expect(numberOf(candidate["jdstarthist"])).toBeLessThanOrEqual(jd);
  const rows = rowsOf(record, "prv_candidates");
  const jds = rows.map((row) => numberOf(row["jd"]));
  expect(jds).toEqual([...jds].sort((a, b) => a - b));
  for (const then of jds) expect(then > jd - 30.0001 && then < jd).toBe(true);
  const detections = rows.filter((row) => row["candid"] !== null);
  expect(detections.length).toBeLessThan(numberOf(candidate["ndethist"]));
  for (const row of rows) {
    if (row["candid"] === null) expect(row["magpsf"] === null && row["ra"] === null).toBe(true);
  }
  const forced = new Map(rowsOf(record, "fp_hists").map((row) => [numberOf(row["jd"]), row]));
  expect([...forced.keys()].reverse()).toEqual(jds);
  for (const row of detections) {
    const measured = forced.get(numberOf(row["jd"]));
    const flux = numberOf(measured?.["forcediffimflux"]);
    if (flux === -99999) continue;
    const magnitude = numberOf(measured?.["magzpsci"]) - 2.5 * Math.log10(Math.abs(flux));
    expect(magnitude).toBeCloseTo(numberOf(row["magpsf"]), 3);
    expect(row["isdiffpos"]).toBe(flux > 0 ? "t" : "f");
  }
}

describe("packets", () => {
  const packets = [...simulate({ alerts: 150, nights: 2, seed: 3 })];

  test("decode to the records that were encoded", () => {
    const records = [...simulateRecords({ alerts: 150, nights: 2, seed: 3 })];
    for (const [i, { bytes }] of packets.entries()) {
      const [decoded] = openContainer(bytes).records();
      expect(decoded as Document | undefined).toEqual(records[i]?.record);
      expect(Object.keys(candidateOf(decoded as Document))).toEqual(
        Object.keys(candidateOf(records[i]?.record ?? {})),
      );
    }
  });

  test("map to stored documents", () => {
    for (const { bytes, candid, objectId, jd } of packets) {
      const container = openContainer(bytes);
      const survey = surveyForSchema(container.schemaName, container.fieldNames);
      const [record] = container.records();
      if (survey === undefined || record === undefined) throw new Error("no survey takes the packet");
      const mapped = survey.map(record as Document);
      expect(mapped).toMatchObject({ survey: "ZTF", candid, objectId, jd });
      expect(mapped.cutouts.length).toBe(3);
    }
  });

  test("decode with another Avro library to the same values", async () => {
    for (const { bytes } of packets.slice(0, 30)) {
      const [ours] = openContainer(bytes).records();
      expect(plain(await decodeWithAvsc(bytes))).toEqual(plain(ours));
    }
  });

  test.skipIf(realPacket === undefined)("have the fields and types of real packets", () => {
    const real = JSON.parse(
      Buffer.from(openContainer(readFileSync(realPacket ?? "")).schema).toString(),
    ) as object;
    expect(bare(ZTF_SCHEMA)).toEqual(bare(real));
  });
});

/** Decodes with avsc, 64-bit integers as `bigint`. */
function decodeWithAvsc(bytes: Uint8Array): Promise<unknown> {
  const long = avsc.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(value);
      return buffer;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === "bigint",
    compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
  });
  return new Promise((resolve, reject) => {
    const decoder = new avsc.streams.BlockDecoder({
      parseHook: (schema) => avsc.Type.forSchema(schema, { registry: { long } }),
    });
    decoder.on("data", resolve);
    decoder.on("error", reject);
    decoder.end(Buffer.from(bytes));
  });
}

/** Values without what distinguishes the readers: boxed doubles, classes of records and of bytes. */
function plain(value: unknown): unknown {
  if (value instanceof Double) return value.value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, plain(inner)]));
}

/** A schema without descriptions, versions and defaults, and with full names. */
function bare(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(bare);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key]) => !["doc", "version", "default"].includes(key));
  return Object.fromEntries(kept.map(([key, inner]) => [key, bare(inner)]));
}
