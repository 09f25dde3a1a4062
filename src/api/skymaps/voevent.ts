/** VOEvent 2.0 packets, as GCN sends them: when, which event, and where. */
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { badRequest } from "../errors.ts";
import type { Hidden } from "./source.ts";
import { dayTime } from "./times.ts";

/** What a packet says of its event. */
export interface VoEvent {
  readonly dateobs: Date;
  readonly triggerid?: number | string;
  readonly aliases: readonly string[];
  /** Addresses of a map, the best first. */
  readonly urls: readonly string[];
  /** Position and error (1 standard deviation), degrees. */
  readonly cone?: { readonly ra: number; readonly dec: number; readonly error: number };
  /** What the Earth hides from a satellite. */
  readonly hidden?: Hidden;
}

/** AMON gives the radius that holds 90 or 95 %: √χ²(0.95; 2 degrees of freedom) standard deviations. */
const AMON_SIGMAS = Math.sqrt(-2 * Math.log(0.05));
/** The Earth's radius as a low orbit sees it, degrees, where the packet does not say. */
const EARTH = 67.5;
/** Names of parameters with the address of a map. */
const MAP_PARAMS = ["skymap_fits", "skymap_fits_basic", "HealPix_URL", "healpix_url"];
const LARGEST = 1_000_000;

/** An element: attributes as `@name`, text as `#text`, children by their names without namespace. */
type Element = { readonly [name: string]: unknown };

/** Reads a packet. Entities of its own are not expanded. Throws `HttpError` 400. */
export function readVoEvent(text: string): VoEvent {
  if (text.length > LARGEST) throw badRequest(`voevent: expected at most ${LARGEST} characters`);
  // Packets need none, and what it declares must not be read or repeated.
  if (/<!DOCTYPE/i.test(text)) throw badRequest("voevent: expected a packet without a document type");
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw badRequest(`voevent: line ${valid.err.line}: ${valid.err.msg}`);
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: "@",
    removeNSPrefix: true,
    parseTagValue: false,
    parseAttributeValue: false,
    processEntities: false,
  });
  const root = elementOf(parsed(parser, text)["VOEvent"]);
  if (root === undefined) throw badRequest("voevent: expected a VOEvent element");
  const params = paramsOf(root["What"]);
  const time = find(root["WhereWhen"], "ISOTime");
  const dateobs = dateOf(time);
  const trigger = params.get("TrigID") ?? params.get("TriggerID");
  const isNumber = trigger !== undefined && /^\d{1,15}$/.test(trigger);
  const cone = coneOf(root);
  const hidden = hiddenOf(params);
  return {
    dateobs,
    ...(trigger === undefined ? {} : { triggerid: isNumber ? Number(trigger) : trigger }),
    aliases: aliasesOf(params, decoded(String(root["@ivorn"] ?? ""))),
    urls: urlsOf(params),
    ...(cone === undefined ? {} : { cone }),
    ...(hidden === undefined ? {} : { hidden }),
  };
}

function parsed(parser: XMLParser, text: string): Element {
  try {
    return parser.parse(text) as Element;
  } catch (error) {
    throw badRequest(`voevent: ${error instanceof Error ? error.message : error}`);
  }
}

function elementOf(value: unknown): Element | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Element)
    : undefined;
}

const listOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [value];

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** Text with XML's own five entities and references to characters decoded, once; others stay as they are. */
function decoded(text: string): string {
  return text.replace(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([\da-f]{1,6}));/gi,
    (whole, name, digits, hex) => {
      if (typeof name === "string") return ENTITIES[name] ?? whole;
      const code = typeof hex === "string" ? Number.parseInt(hex, 16) : Number(digits);
      const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
      return isCharacter ? String.fromCodePoint(code) : whole;
    },
  );
}

/** Values of all parameters, in groups or not, by their names. */
function paramsOf(what: unknown): Map<string, string> {
  const params = new Map<string, string>();
  const walk = (element: Element | undefined) => {
    for (const param of listOf(element?.["Param"]).map(elementOf)) {
      const [name, value] = [param?.["@name"], param?.["@value"]];
      if (typeof name === "string" && typeof value === "string" && !params.has(name))
        params.set(decoded(name), decoded(value).trim());
    }
    for (const group of listOf(element?.["Group"])) walk(elementOf(group));
  };
  walk(elementOf(what));
  return params;
}

/** The text of the first element of a name at any depth. */
function find(value: unknown, name: string): string | undefined {
  for (const element of listOf(value).map(elementOf)) {
    if (element === undefined) continue;
    const own = listOf(element[name])[0];
    const text = elementOf(own)?.["#text"] ?? own;
    if (typeof text === "string" && text.trim() !== "") return decoded(text).trim();
    for (const child of Object.values(element)) {
      const found = typeof child === "object" ? find(child, name) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** To the second, as events are named by it. */
function dateOf(text: string | undefined): Date {
  const match = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(?=Z?$)/.exec(text ?? "");
  const milliseconds = dayTime(match?.[0] ?? "");
  if (milliseconds === undefined)
    throw badRequest("voevent: expected WhereWhen with an ISOTime YYYY-MM-DDTHH:MM:SS");
  return new Date(Math.round(milliseconds / 1000) * 1000);
}

function aliasesOf(params: ReadonlyMap<string, string>, ivorn: string): string[] {
  const aliases: string[] = [];
  const grace = params.get("GraceID");
  if (grace !== undefined) aliases.push(`LVC#${grace}`);
  if (/fermi/i.test(ivorn)) {
    const burst = [...params.values()]
      .map((value) => /\b(bn\d{9})\b|\/(bn\d{9})\//.exec(value))
      .find((found) => found !== null);
    const name = burst?.[1] ?? burst?.[2] ?? params.get("TrigID");
    if (name !== undefined) aliases.push(`FERMI#${name}`);
  }
  return aliases;
}

function urlsOf(params: ReadonlyMap<string, string>): string[] {
  const urls = MAP_PARAMS.flatMap((name) => params.get(name) ?? []);
  // Fermi GBM names the picture; the map stands beside it.
  const plot = params.get("LocationMap_URL");
  if (plot?.includes("_locplot_") === true) {
    urls.push(
      plot
        .replace(/^http:/, "https:")
        .replace("_locplot_", "_healpix_")
        .replace(/\.png$/, ".fit"),
    );
  }
  return urls.filter((url) => /^https?:\/\//.test(url));
}

function coneOf(root: Element): VoEvent["cone"] {
  const number = (name: string) => Number(find(root["WhereWhen"], name) ?? Number.NaN);
  const [ra, dec, radius] = [number("C1"), number("C2"), number("Error2Radius")];
  if (!(ra >= 0 && ra <= 360 && Math.abs(dec) <= 90 && radius > 0)) return undefined;
  const isAmon = /amon|icecube|hawc/i.test(String(root["@ivorn"] ?? ""));
  return { ra, dec, error: isAmon ? radius / AMON_SIGMAS : radius };
}

function hiddenOf(params: ReadonlyMap<string, string>): Hidden | undefined {
  const [ra, dec] = [params.get("GEO_RA"), params.get("GEO_DEC")].map((text) => Number(text ?? Number.NaN));
  const radius = Number(params.get("GEO_RAD") ?? EARTH);
  if (ra === undefined || dec === undefined || Number.isNaN(ra) || !(Math.abs(dec) <= 90)) return undefined;
  return { ra, dec, radius: radius > 0 && radius < 180 ? radius : EARTH };
}
