/** Reads the positions that clients send, in all the forms that they have, and names them as they expect. */
import { type Document, isDocument, toNumber, type Value } from "../../query/index.ts";
import { CoordinateError, parseDec, parseRa } from "../../sky/index.ts";
import { badRequest } from "../errors.ts";
import { inTurns } from "../turns.ts";
import { isTuple, readLiteral } from "./literal.ts";

/** A position with the name under which it is answered. */
export interface NamedPosition {
  readonly key: string;
  /** Degrees, 0 … 360 and −90 … 90. */
  readonly ra: number;
  readonly dec: number;
}

const MOST_POSITIONS = 100_000;
/** So many are read without a look at others: a millisecond's work. */
const POSITIONS_AT_ONCE = 500;
const SEXAGESIMAL = /[:hd]/i;

/**
 * The positions of `radec`: a list of pairs, an object of names and pairs, one pair, or text: "ra dec", or any of
 * these as JSON or a Python literal. Names are those given, or the pair as Python prints it, with `_` for dots.
 * The first coordinate is at least `from` degrees. Throws `HttpError` 400 that names the position.
 */
export function readPositions(given: Value | undefined, path: string, from = 0): Promise<NamedPosition[]> {
  return inTurns(positionsIn(given, path, from));
}

type Reading = Generator<undefined, NamedPosition[]>;

function* positionsIn(given: Value | undefined, path: string, from: number): Reading {
  if (typeof given === "string") return yield* textPositions(given, path, from);
  if (isDocument(given)) {
    return yield* distinct(
      Object.entries(given),
      ([name, value]) => positionOf(value ?? null, name, `${path}.${name}`, from),
      path,
    );
  }
  if (!Array.isArray(given)) {
    throw badRequest(`${path}: expected a list of [ra, dec] pairs, an object {name: [ra, dec]}, or text`);
  }
  if (isPair(given)) return [positionOf(given, pythonText(given), path, from)];
  return yield* distinct(
    given,
    (value, index) =>
      positionOf(value, typeof value === "string" ? value : pythonText(value), `${path}[${index}]`, from),
    path,
  );
}

function* textPositions(text: string, path: string, from: number): Reading {
  const trimmed = text.trim();
  if (/^[[{(]/.test(trimmed)) return yield* positionsIn(readLiteral(trimmed, path), path, from);
  const [ra, dec] = partsOf(trimmed, path);
  // Clients know a single position by the tuple that Python makes of it.
  const name = [ra, dec].map((part) => (isNumeric(part) ? floatText(Number(part)) : quoted(part)));
  return [positionOf([ra, dec], `(${name.join(", ")})`, path, from)];
}

/** Right ascension and declination of "ra dec", "ra, dec" or "h m s d m s". */
function partsOf(text: string, path: string): [string, string] {
  const parts = text.split(/\s*,\s*|\s+/);
  if (parts.length === 6 && parts.every(isNumeric)) {
    return [parts.slice(0, 3).join(":"), parts.slice(3).join(":")];
  }
  const [ra, dec, ...more] = parts;
  if (ra !== undefined && dec !== undefined && more.length === 0) return [ra, dec];
  throw badRequest(`${path}: "${text}": expected "ra dec" in degrees, or as HH:MM:SS.s and ±DD:MM:SS.s`);
}

const isNumeric = (text: string) => text.trim() !== "" && Number.isFinite(Number(text));

function isPair(value: readonly Value[]): boolean {
  if (value.length !== 2) return false;
  const isPlain = (part: Value | undefined) =>
    toNumber(part ?? null) !== undefined || (typeof part === "string" && partialText(part));
  return value.every(isPlain);
}

/** Whether a text is one coordinate rather than a whole position. */
const partialText = (text: string) => isNumeric(text) || !/[\s,]/.test(text.trim());

function positionOf(value: Value, name: string, path: string, from: number): NamedPosition {
  const pair = typeof value === "string" ? partsOf(value.trim(), path) : value;
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw badRequest(`${path}: expected a pair [ra, dec]`);
  }
  const [first, second] = pair as [Value, Value];
  const key = name.replaceAll(".", "_");
  const isText = [first, second].map((part) => typeof part === "string" && !isNumeric(part));
  if (isText[0] !== isText[1]) {
    throw badRequest(`${path}: expected both in degrees, or both as sexagesimal text`);
  }
  if (isText[0] === true) return { key, ...sexagesimal(String(first), String(second), path) };
  return { key, ra: degrees(first, from, 360, `${path}: ra`), dec: degrees(second, -90, 90, `${path}: dec`) };
}

function sexagesimal(ra: string, dec: string, path: string): { ra: number; dec: number } {
  try {
    return { ra: parseRa(ra), dec: parseDec(dec) };
  } catch (error) {
    if (!(error instanceof CoordinateError)) throw error;
    const hint = SEXAGESIMAL.test(ra) ? "" : "; numbers in degrees are welcome too";
    throw badRequest(`${path}: ${error.message}${hint}`);
  }
}

function degrees(value: Value, least: number, most: number, what: string): number {
  const number = typeof value === "string" ? Number(value) : toNumber(value);
  if (number !== undefined && number >= least && number <= most) return number;
  throw badRequest(`${what}: expected ${least} to ${most} degrees, got ${String(value).slice(0, 40)}`);
}

/** The same position twice is one; two positions of one name would hide each other. */
function* distinct<T>(
  items: readonly T[],
  positionAt: (item: T, index: number) => NamedPosition,
  path: string,
): Reading {
  if (items.length > MOST_POSITIONS) {
    throw badRequest(`${path}: expected at most ${MOST_POSITIONS} positions, got ${items.length}`);
  }
  const known = new Map<string, NamedPosition>();
  for (const [index, item] of items.entries()) {
    if (index % POSITIONS_AT_ONCE === POSITIONS_AT_ONCE - 1) yield undefined;
    const position = positionAt(item, index);
    const other = known.get(position.key);
    if (other !== undefined && (other.ra !== position.ra || other.dec !== position.dec)) {
      throw badRequest(`${path}: two positions are named ${position.key}: give them different names`);
    }
    known.set(position.key, position);
  }
  return [...known.values()];
}

/** A value as Python's `repr` prints it, which is what clients take the names of nameless pairs from. */
function pythonText(value: Value): string {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) {
    const items = value.map(pythonText).join(", ");
    return isTuple(value) ? `(${items})` : `[${items}]`;
  }
  if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value)))
    return String(value);
  return floatText(toNumber(value) ?? Number.NaN);
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  return quote + text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`) + quote;
}

/** A double as Python prints it: with its point, and exponents below 1e-4 and from 1e16. */
function floatText(value: number): string {
  const [digits = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16)) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (Number.isInteger(value)) return `${Object.is(value, -0) ? "-0" : value}.0`;
  return power < 0
    ? value.toFixed(Math.max(0, digits.replace(/^-?\d\.?/, "").length - power))
    : String(value);
}

/** An object of catalogue names and what is asked of each, names without the blanks around them. */
export function catalogsOf(given: Value | undefined): [name: string, wanted: Document][] {
  if (!isDocument(given)) {
    throw badRequest(
      'query.catalogs: expected an object such as {"ZTF_alerts": {"filter": {}, "projection": {}}}',
    );
  }
  return Object.entries(given).map(([name, wanted]) => {
    const trimmed = name.trim();
    if (trimmed === "") throw badRequest("query.catalogs: a catalogue without a name");
    if (wanted === null) return [trimmed, {}];
    if (!isDocument(wanted))
      throw badRequest(`query.catalogs.${trimmed}: expected an object with filter and projection`);
    return [trimmed, wanted];
  });
}
