/** Skymaps as they are stored: an event's names, and for each level a MultiPolygon and the cells themselves. */
import { type Document, double, isDocument, type Value } from "../../query/index.ts";
import type { Store } from "../../store/index.ts";
import { badRequest, notFound } from "../errors.ts";
import type { ReadyContours, SkymapRequest } from "./request.ts";
import type { Built, BuiltContour } from "./source.ts";

export const SKYMAPS = "skymaps";
const MAX_TIME_MS = 30_000;

/** What identifies an event, besides the name of the localisation. */
export interface EventNames {
  readonly dateobs?: Date;
  readonly triggerid?: Value;
  readonly aliases?: readonly string[];
}

/** Name of a level's field. */
export const contourName = (level: number) => `contour${level}`;

/** Levels that a stored skymap has, ascending. */
export function levelsOf(skymap: Document): number[] {
  const contours = isDocument(skymap["contours"]) ? skymap["contours"] : {};
  return Object.keys(contours)
    .flatMap((name) => /^contour(\d+(?:\.\d+)?)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** The date as clients have it: universal time without a mark of its zone. */
export function dateText(date: Value | undefined): string {
  return date instanceof Date ? date.toISOString().replace(/(\.000)?Z$/, "") : String(date ?? "");
}

/** The skymap of this localisation and any of these names. */
export function findSkymap(
  store: Store,
  name: string | undefined,
  names: EventNames,
): Promise<Document | undefined> {
  const any: Document[] = [];
  if (names.dateobs !== undefined) any.push({ dateobs: names.dateobs });
  if (names.triggerid !== undefined) any.push({ triggerid: { $in: triggersOf(names.triggerid) } });
  if (names.aliases !== undefined && names.aliases.length > 0)
    any.push({ aliases: { $in: [...names.aliases] } });
  const parts: Document[] = [];
  if (name !== undefined) parts.push({ localization_name: name });
  if (any.length > 0) parts.push({ $or: any });
  if (parts.length === 0) throw badRequest("expected localization_name, or dateobs, triggerid or alias");
  return store.findOne({
    collection: SKYMAPS,
    filter: { $and: parts },
    sort: [["dateobs", -1]],
    maxTimeMs: MAX_TIME_MS,
  });
}

/** In addresses every trigger is text: a number that was stored is meant all the same. */
function triggersOf(given: Value): Value[] {
  const text = String(given);
  const digits = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (digits === undefined || digits !== BigInt.asIntN(64, digits)) return [given];
  const isExact = Number.isSafeInteger(Number(digits));
  return [given, text, digits, ...(isExact ? [Number(digits)] : [])];
}

/** The document of a request for the localisation of this name, without contours. */
export function skymapDocument(
  { dateobs, triggerid, aliases }: SkymapRequest,
  name: string,
  fingerprint: string,
): Document {
  return {
    // Two requests for one event at the same time must not make two skymaps.
    _id: `${name} ${dateText(dateobs)}`,
    dateobs,
    ...(triggerid === undefined ? {} : { triggerid }),
    aliases: [...aliases],
    localization_name: name,
    fingerprint,
    contours: {},
    cells: {},
  };
}

/** A skymap with further contours. */
export function withContours(skymap: Document, added: Built | ReadyContours): Document {
  const contours: Document = isDocument(skymap["contours"]) ? { ...skymap["contours"] } : {};
  const cells: Document = isDocument(skymap["cells"]) ? { ...skymap["cells"] } : {};
  if ("centre" in added) {
    const [ra, dec] = added.centre;
    contours["center"] ??= { type: "Point", coordinates: [double(ra - 180), double(dec)] };
    for (const built of added.contours) {
      contours[contourName(built.level)] = multiPolygon(built);
      cells[contourName(built.level)] = built.cells;
    }
  } else {
    if (added.center !== undefined) contours["center"] ??= added.center;
    for (const [level, geometry] of added.ready) contours[contourName(level)] = geometry;
  }
  return { ...skymap, contours, cells };
}

function multiPolygon({ level, polygons }: BuiltContour): Document {
  return {
    type: "MultiPolygon",
    properties: { credible_level: level },
    coordinates: polygons.map((rings) => rings.map((ring) => ring.map((place) => place.map(double)))),
  };
}

/** What of a contour decides where documents lie: its cells, or the polygons of a client. Throws `HttpError` 404. */
export function regionOf(
  skymap: Document,
  level: number,
): { readonly cells: Uint8Array } | { readonly polygons: Value } {
  const name = contourName(level);
  const cells = isDocument(skymap["cells"]) ? skymap["cells"][name] : undefined;
  if (cells instanceof Uint8Array) return { cells };
  const contour = isDocument(skymap["contours"]) ? skymap["contours"][name] : undefined;
  if (contour !== undefined && isDocument(contour)) return { polygons: contour["coordinates"] ?? [] };
  throw notFound(
    `Contour level ${level} not found in skymap: it has ${levelsOf(skymap).join(", ") || "none"}`,
  );
}
