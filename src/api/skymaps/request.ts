/** Reads what clients send of an event: its names, the levels they want, and the localisation in any of its forms. */
import {
  type Document,
  isDocument,
  parseMatch,
  printJson,
  QueryError,
  toNumber,
  type Value,
} from "../../query/index.ts";
import { badRequest } from "../errors.ts";
import { type DownloadRules, download } from "./download.ts";
import type { Hidden, SkymapSource } from "./source.ts";
import { dayTime } from "./times.ts";
import { readVoEvent, type VoEvent } from "./voevent.ts";

/** Polygons that a client has made itself, by level. */
export interface ReadyContours {
  readonly ready: ReadonlyMap<number, Document>;
  /** A GeoJSON point, as among the contours that are shown. */
  readonly center?: Document;
}

/** A localisation and its name. */
export interface SkymapForm {
  readonly name: string;
  /** Fetched when it is needed: most events come several times. */
  readonly source: () => Promise<{ readonly source: SkymapSource; readonly hidden?: Hidden } | ReadyContours>;
}

export interface SkymapRequest {
  readonly dateobs: Date;
  readonly triggerid?: Value;
  readonly aliases: readonly string[];
  /** Percent, ascending. */
  readonly levels: readonly number[];
  /** At least one. Each is for when those before it cannot be had. */
  readonly forms: readonly SkymapForm[];
}

const DEFAULT_LEVELS: readonly number[] = [90];
const MOST_LEVELS = 20;
const MOST_CORNERS = 10_000;

/** The request of a PUT. Throws `HttpError` 400. */
export function readSkymapRequest(body: Document, rules: DownloadRules): SkymapRequest {
  const { voevent, skymap, dateobs, triggerid } = body;
  const event =
    voevent === undefined || voevent === null ? undefined : readVoEvent(textOf(voevent, "voevent"));
  if (event === undefined && !isDocument(skymap))
    throw badRequest("expected voevent, or skymap as an object");
  if (event === undefined && (dateobs === undefined || dateobs === null)) {
    throw badRequest("dateobs: missing; it is needed unless there is a voevent");
  }
  const levels = readLevels(body["contours"]);
  const trigger = readTrigger(triggerid ?? event?.triggerid, "triggerid");
  const forms = isDocument(skymap) ? [formOf(skymap, rules)] : eventForms(event, rules);
  return {
    dateobs:
      dateobs === undefined || dateobs === null
        ? (event?.dateobs ?? new Date(0))
        : readDate(dateobs, "dateobs"),
    ...(trigger === undefined ? {} : { triggerid: trigger }),
    aliases: [...new Set([...readAliases(body["aliases"]), ...(event?.aliases ?? [])])],
    levels,
    forms,
  };
}

/** The first form whose fields are all there. */
function formOf(skymap: Document, rules: DownloadRules): SkymapForm {
  const has = (...fields: string[]) =>
    fields.every((field) => skymap[field] !== undefined && skymap[field] !== null);
  const name = () => textOf(skymap["localization_name"], "skymap.localization_name");
  const known = (source: SkymapSource) => () => Promise.resolve({ source });
  if (has("localization_name", "contours")) {
    const own = name();
    const contours = readyContours(skymap["contours"] ?? null);
    return { name: own, source: () => Promise.resolve(contours) };
  }
  if (has("localization_name", "uniq", "probdensity")) {
    const uniq = numbersOf(skymap["uniq"], "skymap.uniq");
    const densities = numbersOf(skymap["probdensity"], "skymap.probdensity");
    return { name: name(), source: known({ kind: "cells", uniq, densities }) };
  }
  if (has("url")) {
    const url = textOf(skymap["url"], "skymap.url");
    return addressForm(url, has("localization_name") ? name() : nameOfUrl(url), rules);
  }
  if (has("localization_name", "content")) {
    return {
      name: name(),
      source: known({ kind: "fits", bytes: base64(textOf(skymap["content"], "skymap.content")) }),
    };
  }
  if (has("ra", "dec", "error")) return coneForm(positionOf(skymap), numberOf(skymap, "error"), skymap);
  if (has("localization_name", "polygon")) {
    return {
      name: name(),
      source: known({ kind: "polygon", corners: cornersOf(skymap["polygon"] ?? null) }),
    };
  }
  if (has("localization_name", "ra", "dec", "amaj", "amin", "phi")) {
    const [a, b] = [numberOf(skymap, "amaj"), numberOf(skymap, "amin")];
    if (!(a > 0 && b > 0)) throw badRequest("skymap.amaj, skymap.amin: expected degrees above 0");
    const turn = a >= b ? 0 : 90;
    const shape = {
      semiMajor: Math.max(a, b),
      semiMinor: Math.min(a, b),
      positionAngle: numberOf(skymap, "phi") + turn,
    };
    return { name: name(), source: known({ kind: "ellipse", ...positionOf(skymap), ...shape }) };
  }
  throw badRequest(
    "skymap: expected {localization_name, uniq, probdensity}, {url}, {localization_name, content}, {ra, dec, error}, " +
      "{localization_name, polygon}, {localization_name, ra, dec, amaj, amin, phi} or {localization_name, contours}",
  );
}

/** The maps that the event names, then its error circle: each under its own name, as their regions are not the same. */
function eventForms(event: VoEvent | undefined, rules: DownloadRules): SkymapForm[] {
  const maps = (event?.urls ?? []).map((url) => addressForm(url, nameOfUrl(url), rules));
  const circles = event?.cone === undefined ? [] : [coneForm(event.cone, event.cone.error, {})];
  const forms = [...maps, ...circles];
  if (forms.length === 0) throw badRequest("voevent: has neither a skymap nor a position with its error");
  const hidden = event?.hidden;
  if (hidden === undefined) return forms;
  return forms.map(({ name, source }) => ({ name, source: async () => ({ ...(await source()), hidden }) }));
}

function addressForm(url: string, name: string, rules: DownloadRules): SkymapForm {
  return { name, source: async () => ({ source: { kind: "fits", bytes: await download(url, rules) } }) };
}

function coneForm({ ra, dec }: { ra: number; dec: number }, error: number, skymap: Document): SkymapForm {
  if (!(error > 0 && error <= 180)) throw badRequest("skymap.error: expected degrees above 0, up to 180");
  const given = skymap["localization_name"];
  const isNamed = given !== undefined && given !== null && given !== "";
  const name = isNamed
    ? textOf(given, "skymap.localization_name")
    : [ra, dec, error].map((part) => part.toFixed(5)).join("_");
  return { name, source: () => Promise.resolve({ source: { kind: "cone", ra, dec, error } }) };
}

const nameOfUrl = (url: string) =>
  url
    .replace(/[?#].*$/, "")
    .split("/")
    .at(-1) || url;

function positionOf(skymap: Document): { ra: number; dec: number } {
  const [ra, dec] = [numberOf(skymap, "ra"), numberOf(skymap, "dec")];
  if (!(ra >= 0 && ra <= 360)) throw badRequest("skymap.ra: expected 0 to 360 degrees");
  if (!(Math.abs(dec) <= 90)) throw badRequest("skymap.dec: expected -90 to 90 degrees");
  return { ra, dec };
}

function numberOf(skymap: Document, field: string): number {
  const number = toNumber(skymap[field] ?? null);
  if (number === undefined || !Number.isFinite(number))
    throw badRequest(`skymap.${field}: expected a number`);
  return number;
}

function numbersOf(value: Value | undefined, path: string): Float64Array {
  if (!Array.isArray(value)) throw badRequest(`${path}: expected a list of numbers`);
  return Float64Array.from(value, (item, index) => {
    const number = toNumber(item);
    if (number === undefined) throw badRequest(`${path}[${index}]: expected a number`);
    return number;
  });
}

/** A list of [ra, dec], or {center, corners}. */
function cornersOf(polygon: Value): (readonly [number, number])[] {
  const list = isDocument(polygon) ? polygon["corners"] : polygon;
  if (!Array.isArray(list) || list.length < 3 || list.length > MOST_CORNERS) {
    throw badRequest(`skymap.polygon: expected 3 to ${MOST_CORNERS} corners [ra, dec]`);
  }
  const corners = list.map((corner, index) => {
    const [ra, dec] = Array.isArray(corner) ? corner.map(toNumber) : [];
    if (ra !== undefined && dec !== undefined && ra >= 0 && ra <= 360 && Math.abs(dec) <= 90)
      return [ra, dec] as const;
    throw badRequest(`skymap.polygon[${index}]: expected [ra, dec] in degrees`);
  });
  const [first, last] = [corners[0], corners.at(-1)];
  const isClosed = corners.length > 3 && first?.[0] === last?.[0] && first?.[1] === last?.[1];
  return isClosed ? corners.slice(0, -1) : corners;
}

function base64(text: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(text.replace(/^data:[^,]*,/, "").replace(/\s+/g, ""));
  } catch {
    throw badRequest("skymap.content: expected a FITS file as base64");
  }
}

function readyContours(value: Value): ReadyContours {
  if (!isDocument(value))
    throw badRequest("skymap.contours: expected an object such as {contour90: <MultiPolygon>}");
  const { center, ...levels } = value;
  const ready = new Map<number, Document>();
  for (const [name, geometry] of Object.entries(levels)) {
    const level = Number(/^(?:contour)?(\d{1,3}(?:\.\d+)?)$/.exec(name)?.[1] ?? Number.NaN);
    if (!isLevel(level))
      throw badRequest(`skymap.contours.${name}: expected a name such as contour90, ${LEVELS}`);
    if (geometry === undefined || !isDocument(geometry) || geometry["type"] !== "MultiPolygon") {
      throw badRequest(
        `skymap.contours.${name}: expected a GeoJSON MultiPolygon, with right ascension less 180`,
      );
    }
    checkGeometry(geometry, `skymap.contours.${name}`);
    ready.set(level, geometry);
  }
  const point = center === undefined || center === null ? {} : { center: pointOf(center) };
  if (ready.size === 0) throw badRequest("skymap.contours: expected at least one level such as contour90");
  return { ready, ...point };
}

function pointOf(center: Value): Document {
  if (isDocument(center) && center["type"] === "Point") {
    const { coordinates } = center;
    const [longitude, latitude, ...more] = Array.isArray(coordinates) ? coordinates.map(toNumber) : [];
    const isPlace = Math.abs(longitude ?? Number.NaN) <= 180 && Math.abs(latitude ?? Number.NaN) <= 90;
    if (isPlace && more.length === 0) return center;
  }
  throw badRequest("skymap.contours.center: expected a GeoJSON Point, with right ascension less 180");
}

/** Whether queries can be made with it. Throws `HttpError` 400 with what is wrong. */
function checkGeometry(geometry: Document, at: string): void {
  try {
    parseMatch({ place: { $geoWithin: { $geometry: geometry } } }, at);
  } catch (error) {
    if (error instanceof QueryError) throw badRequest(`${at}: ${error.reason}`);
    throw error;
  }
}

/** The least level: below it a number is printed with an exponent, which is no name of a contour. */
const LEAST_LEVEL = 1e-6;
const LEVELS = "in percent, from 0.000001 to 100";

const isLevel = (level: number) => level >= LEAST_LEVEL && level <= 100;

/** Percent: a number, a list, or either as text. */
function readLevels(given: Value | undefined): number[] {
  if (given === undefined || given === null) return [...DEFAULT_LEVELS];
  const parts = typeof given === "string" ? given.split(",") : Array.isArray(given) ? given : [given];
  if (parts.length === 0 || parts.length > MOST_LEVELS)
    throw badRequest(`contours: expected 1 to ${MOST_LEVELS} levels`);
  const levels = parts.map((part) => levelOf(part, "contours"));
  return [...new Set(levels)].sort((a, b) => a - b);
}

/** One level in percent: a number, or its decimal digits as text. Throws `HttpError` 400 that names the field. */
export function levelOf(given: Value, path: string): number {
  const digits = typeof given === "string" ? /^\s*\+?(\d+\.?\d*|\.\d+)\s*$/.exec(given)?.[1] : undefined;
  const level = typeof given === "string" ? Number(digits ?? Number.NaN) : toNumber(given);
  if (level !== undefined && isLevel(level)) return level;
  throw badRequest(`${path}: expected a level ${LEVELS}; found ${foundText(given)}`);
}

function foundText(given: Value): string {
  const text = typeof given === "bigint" ? String(given) : printJson(given);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** A list, or names in one text with commas between them. */
export function readAliases(given: Value | undefined, path = "aliases"): string[] {
  if (given === undefined || given === null) return [];
  const list = typeof given === "string" ? given.split(",").map((alias) => alias.trim()) : given;
  if (Array.isArray(list) && list.every((alias) => typeof alias === "string"))
    return list.filter((alias) => alias !== "");
  throw badRequest(`${path}: expected a list of texts`);
}

/** `YYYY-MM-DDTHH:MM:SS[.ffffff]`, universal time. Throws `HttpError` 400. */
export function readDate(given: Value, path: string): Date {
  if (given instanceof Date) return given;
  const text =
    typeof given === "string"
      ? given
          .trim()
          .replace(" ", "T")
          .replace(/(Z|\+00:00)$/, "")
      : "";
  const time = dayTime(text);
  if (time === undefined) throw badRequest(`${path}: expected YYYY-MM-DDTHH:MM:SS, universal time`);
  return new Date(time);
}

/** A text without the blanks around it. Throws `HttpError` 400 that names the field. */
export function textOf(value: Value | undefined, path: string): string {
  if (typeof value === "string" && value.trim() !== "") return value.trim();
  throw badRequest(
    `${path}: ${value === undefined || value === null || value === "" ? "missing; " : ""}expected a text`,
  );
}

/** An event's trigger, a number or a text; undefined when there is none. Throws `HttpError` 400 that names the field. */
export function readTrigger(given: Value | undefined, path: string): Value | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "string" || toNumber(given) !== undefined) return given;
  throw badRequest(`${path}: expected a number or a text`);
}
