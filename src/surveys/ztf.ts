/** The Zwicky Transient Facility: its packets as stored documents. */

import type { FlatRecords } from "../avro/index.ts";
import { type Document, isDocument, type Value } from "../query/index.ts";
import { CoordinateError } from "../sky/index.ts";
import type { AlertRecord, Cutout, HistoryUpdate } from "../store/alert-record.ts";
import type { FlatRows } from "../store/flat-rows.ts";
import { catalogMatches } from "./catalog-matches.ts";
import { coordinatesOf } from "./coordinates.ts";
import {
  describe,
  flatRecordsOf,
  numberOf,
  recordsOf,
  requireNumber,
  requireRecord,
  requireString,
} from "./fields.ts";
import { flatHistory, inTime, timeText } from "./flat-histories.ts";
import { forcedPhotometryFlat, forcedPhotometryRows } from "./forced-photometry.ts";
import { PacketError, type Survey } from "./survey.ts";

const STAMPS = {
  science: "cutoutScience",
  template: "cutoutTemplate",
  difference: "cutoutDifference",
} as const;
const CUTOUTS = Object.values(STAMPS);
/** Fields of the packet that are not part of the alert document. */
const HISTORIES: ReadonlySet<string> = new Set(["prv_candidates", "fp_hists"]);
const APART: ReadonlySet<string> = new Set<string>([...CUTOUTS, ...HISTORIES]);
/** Days of history that a packet carries: forced photometry is a record from the first detection on only
 * when the object was first detected less than this ago. */
const PACKET_WINDOW_DAYS = 30;

/** Days of history that a filter sees. */
const FILTER_WINDOW_DAYS = 365;

/** Bandpasses by `fid`. */
const BANDS: Readonly<Record<number, string>> = { 1: "ztfg", 2: "ztfr", 3: "ztfi" };

const COLLECTIONS = {
  alerts: "ZTF_alerts",
  aux: "ZTF_alerts_aux",
  cutouts: "ZTF_alerts_cutouts",
} as const;

export const ztf: Survey = {
  name: "ZTF",
  collections: COLLECTIONS,
  programPath: "candidate.programid",
  stamps: { fields: STAMPS, firstRow: "top" },
  lightCurve: {
    bands: Object.values(BANDS),
    band: (row) => BANDS[numberOf(row["fid"]) ?? 0],
    forced: { field: "fp_hists", isGood: (row) => Number(row["procstatus"]) === 0 },
  },
  skyportal: {
    instrument: "ZTF",
    streams: [
      { name: /^ZTF Public$/, programs: [1] },
      { name: /^ZTF Public\+Partnership$/, programs: [2] },
      // 0 is engineering time.
      { name: /^ZTF Public\+Partnership\+Caltech$/, programs: [0, 3] },
    ],
  },
  filterHistories: [
    { field: "prv_candidates", days: FILTER_WINDOW_DAYS, nullWhenEmpty: false },
    { field: "fp_hists", days: FILTER_WINDOW_DAYS, only: { procstatus: "0" }, nullWhenEmpty: true },
  ],
  crossMatches: catalogMatches(),

  flatFields: HISTORIES,

  recognises(schemaName) {
    return schemaName === "ztf.alert";
  },

  map(packet) {
    const objectId = requireString(packet, "objectId", "objectId");
    const candid = packet["candid"];
    if (typeof candid !== "bigint") {
      throw new PacketError("candid", `expected a 64-bit integer, found ${describe(candid)}`);
    }
    const candidate = requireRecord(packet, "candidate", "candidate");
    const jd = requireNumber(candidate, "jd", "candidate.jd");
    const ra = requireNumber(candidate, "ra", "candidate.ra");
    const dec = requireNumber(candidate, "dec", "candidate.dec");
    return {
      survey: "ZTF",
      collections: COLLECTIONS,
      candid,
      objectId,
      jd,
      document: documentOf(packet, candid, ra, dec),
      histories: [previousCandidates(packet), forcedPhotometry(packet, candidate, { jd, ra, dec })],
      cutouts: cutoutsOf(packet),
    } satisfies AlertRecord;
  },
};

function documentOf(packet: Document, candid: bigint, ra: number, dec: number): Document {
  const document: Document = { _id: candid };
  for (const field in packet) {
    const value = packet[field];
    if (value !== undefined && !APART.has(field)) document[field] = value;
  }
  try {
    document["coordinates"] = coordinatesOf(ra, dec);
  } catch (error) {
    if (error instanceof CoordinateError) throw new PacketError("candidate", error.message);
    throw error;
  }
  document["classifications"] = {};
  return document;
}

/**
 * The previous detections and upper limits, nulls dropped, in time order. A row is identified by exposure
 * time, image and detection: the same row that comes again in a later packet, perhaps with other float
 * noise, is that row.
 */
function previousCandidates(packet: Document): HistoryUpdate {
  const flat = flatRecordsOf(packet, "prv_candidates");
  if (flat !== undefined) return previousFlat(flat);
  const timed = recordsOf(packet, "prv_candidates", "prv_candidates").map((row, index) => ({
    row: withoutNulls(row),
    jd: requireNumber(row, "jd", `prv_candidates[${index}].jd`),
  }));
  timed.sort((a, b) => a.jd - b.jd);
  return {
    field: "prv_candidates",
    merge: "first-seen",
    rows: timed.map(({ row }) => row),
    keys: timed.map(({ row, jd }) => `${jd}/${text(row["pid"])}/${text(row["candid"])}`),
    jds: timed.map(({ jd }) => jd),
    startsRecord: true,
  };
}

/** The same of records that are still in the packet's bytes. */
function previousFlat(records: FlatRecords): HistoryUpdate {
  const { columns } = records.fields;
  const [jdColumn, pidColumn, candidColumn] = ["jd", "pid", "candid"].map((name) => columns.get(name));
  const times: number[] = [];
  for (let i = 0; i < records.length; i++) {
    const jd = records.number(i, jdColumn);
    times.push(
      jd !== undefined && Number.isFinite(jd)
        ? jd
        : requireNumber({ jd: flatValue(records, i, jdColumn) }, "jd", `prv_candidates[${i}].jd`),
    );
  }
  const order = inTime(times);
  const jds = order.map((record) => times[record] ?? Number.NaN);
  const keys = order.map((record, index) => {
    const pid = text(flatValue(records, record, pidColumn));
    return `${timeText(jds[index] as number)}/${pid}/${text(flatValue(records, record, candidColumn))}`;
  });
  const flat: FlatRows = { records, order, leftOut: undefined, added: [] };
  return flatHistory(flat, { field: "prv_candidates", merge: "first-seen", keys, jds, startsRecord: true });
}

function flatValue(records: FlatRecords, record: number, column: number | undefined): Value {
  return column === undefined ? null : (records.value(record, column) as Value);
}

function forcedPhotometry(
  packet: Document,
  candidate: Document,
  alert: { jd: number; ra: number; dec: number },
): HistoryUpdate {
  const magnitude = numberOf(candidate["magpsf"]) ?? Number.NaN;
  const point = { magnitude, ra: alert.ra, dec: alert.dec };
  const detections = numberOf(candidate["ndethist"]);
  const firstDetection = numberOf(candidate["jdstarthist"]);
  const known = {
    field: "fp_hists",
    merge: "lowest-rank",
    rank: Number.isNaN(magnitude) ? Number.POSITIVE_INFINITY : magnitude,
    startsRecord:
      (detections !== undefined && detections <= 1) ||
      (firstDetection !== undefined && alert.jd - firstDetection < PACKET_WINDOW_DAYS),
  } as const;
  const records = flatRecordsOf(packet, "fp_hists");
  const flat = records === undefined ? undefined : forcedPhotometryFlat(records, point);
  if (flat !== undefined)
    return flatHistory(flat.rows, { ...known, keys: flat.jds.map(timeText), jds: flat.jds });
  const rows = forcedPhotometryRows(records?.records() ?? recordsOf(packet, "fp_hists", "fp_hists"), point);
  return {
    ...known,
    rows: rows.map(({ row }) => row),
    keys: rows.map(({ jd }) => String(jd)),
    jds: rows.map(({ jd }) => jd),
  };
}

function cutoutsOf(packet: Document): Cutout[] {
  const cutouts: Cutout[] = [];
  for (const field of CUTOUTS) {
    const stamp = packet[field];
    if (!isDocument(stamp)) continue;
    const data = stamp["stampData"];
    if (!(data instanceof Uint8Array)) {
      throw new PacketError(`${field}.stampData`, `expected bytes, found ${describe(data)}`);
    }
    const fileName = stamp["fileName"];
    cutouts.push({ field, data, ...(typeof fileName === "string" ? { fileName } : {}) });
  }
  return cutouts;
}

function withoutNulls(row: Document): Document {
  const out: Document = {};
  for (const field in row) {
    const value = row[field];
    if (value !== undefined && value !== null) out[field] = value;
  }
  return out;
}

function text(value: Value | undefined): string {
  return value === undefined || value === null ? "" : String(value);
}
