/** Alerts as filters see them: real packets where there are some, simulated ones everywhere. */
import { openContainer } from "../../../src/avro/index.ts";
import { joinAlert } from "../../../src/filters/joined.ts";
import { type Document, double, isDocument, toNumber } from "../../../src/query/index.ts";
import { simulateRecords } from "../../../src/sources/simulator/index.ts";
import type { ObjectRecord } from "../../../src/store/index.ts";
import { surveyByName } from "../../../src/surveys/index.ts";
import { realPackets } from "../../support/packets.ts";
import { sharedDir } from "../../support/shared.ts";

const PUBLIC: ReadonlySet<number> = new Set([1]);

/** The real ZTF packets, joined; none in a clone without them. */
export function realAlerts(): Document[] {
  if (sharedDir() === undefined) return [];
  return realPackets().map(({ bytes }) => joined([...openContainer(bytes).records()][0] as Document));
}

/** Simulated alerts, joined: the last of a survey over some nights, so that they have histories. */
export function simulatedAlerts(count: number): Document[] {
  const records = [...simulateRecords({ alerts: 20 * count, nights: 20, cutouts: false })];
  return records.slice(-count).map(({ record }) => joined(record));
}

/** A packet joined with its own histories, as if it were its object's first, and with made-up cross-matches. */
function joined(packet: Document): Document {
  const survey = surveyByName("ZTF");
  if (survey === undefined) throw new Error("ZTF is not registered");
  const { document, jd, histories } = survey.map({ ...packet });
  const record: ObjectRecord = {
    crossMatches: crossMatches(document),
    append() {},
    rows: (field) => histories.find((history) => history.field === field)?.rows,
  };
  // Plain fields in place of those that are computed when read.
  return { ...joinAlert(document, jd, survey, PUBLIC, record) };
}

/**
 * Matches that fit the alert: a star has a parallax, a long record on a nucleus is an active galaxy for one in
 * three, one extended neighbour in two is a catalogued galaxy. Catalogues without a match have an empty list.
 */
function crossMatches({ candidate, candid }: Document): Document {
  const fields = isDocument(candidate) ? candidate : {};
  const number = (field: string) => toNumber(fields[field]) ?? -999;
  const draw = Number((candid as bigint) % 97n) / 97;
  const near = number("distpsnr1") >= 0 && number("distpsnr1") < 2;
  const star = near && number("sgscore1") > 0.7;
  const galaxy = number("sgscore1") >= 0 && number("sgscore1") <= 0.5;
  return {
    AllWISE: near ? [{ _id: "w1", w1mpro: 14 + draw, w2mpro: 13.6 + draw / 2 }] : [],
    Gaia_EDR3: star
      ? [{ _id: 5n, parallax: 0.5 + 3 * draw, parallax_error: 0.1 + draw / 5, phot_g_mean_mag: 16.5 }]
      : [],
    CLU_20190625:
      galaxy && draw < 0.5 ? [clu("NGC 1", 0.01 + draw / 20, 90.5), clu("NGC 2", 0.02, 15.25)] : [],
    milliquas_v6: galaxy && number("ndethist") > 30 && draw < 0.33 ? [{ _id: "q", z: double(1 + draw) }] : [],
  };
}

function clu(name: string, z: number, distance: number): Document {
  return { _id: 7n, name, z, coordinates: { distance_arcsec: distance, distance_kpc: distance * 20 * z } };
}
