/** The type wrappers of MongoDB's extended JSON (version 2, and version 1 where it is unambiguous), read. */
import { Binary, BSONRegExp, BSONSymbol, Code, Decimal128, MaxKey, MinKey, ObjectId, Timestamp } from "bson";
import { type Document, double, isDocument, isInt32, type Value } from "./values.ts";

type Fail = (reason: string) => never;
type Wrapper = (value: Value, document: Document, fail: Fail) => Value;

/** By the wrapper's first name: what else may stand beside it, and how it is read. */
const WRAPPERS = new Map<string, { readonly with: readonly string[]; readonly read: Wrapper }>([
  ["$oid", { with: [], read: objectId }],
  ["$date", { with: [], read: date }],
  ["$numberInt", { with: [], read: int32 }],
  ["$numberLong", { with: [], read: int64 }],
  ["$numberDouble", { with: [], read: numberDouble }],
  ["$numberDecimal", { with: [], read: decimal }],
  ["$binary", { with: ["$type"], read: binary }],
  ["$uuid", { with: [], read: uuid }],
  ["$regularExpression", { with: [], read: regularExpression }],
  ["$timestamp", { with: [], read: timestamp }],
  ["$minKey", { with: [], read: () => new MinKey() }],
  ["$maxKey", { with: [], read: () => new MaxKey() }],
  ["$symbol", { with: [], read: (value, _, fail) => new BSONSymbol(text(value, "$symbol", fail)) }],
  ["$code", { with: ["$scope"], read: javascript }],
  [
    "$undefined",
    { with: [], read: (_value, _document, fail) => fail("the undefined type is not supported; use null") },
  ],
]);

/** The value that an object stands for, when it is a type wrapper; else the object itself. */
export function readExtended(document: Document, fail: Fail): Value {
  const names = Object.keys(document);
  const first = names.find((name) => WRAPPERS.has(name));
  if (first === undefined || names.length > 2) return document;
  const wrapper = WRAPPERS.get(first);
  if (wrapper === undefined || names.some((name) => name !== first && !wrapper.with.includes(name)))
    return document;
  return wrapper.read(document[first] ?? null, document, fail);
}

function text(value: Value | undefined, name: string, fail: Fail): string {
  return typeof value === "string" ? value : fail(`${name} needs a string`);
}

function objectId(value: Value, _document: Document, fail: Fail): Value {
  const hex = text(value, "$oid", fail);
  return /^[0-9a-fA-F]{24}$/.test(hex) ? new ObjectId(hex) : fail("$oid needs 24 hexadecimal digits");
}

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

function date(value: Value, _document: Document, fail: Fail): Value {
  if (typeof value === "number" || typeof value === "bigint") return dateOf(Number(value), fail);
  const iso = text(value, "$date", fail);
  if (!ISO_DATE.test(iso)) return fail("$date needs an ISO 8601 date such as 2024-05-01T12:00:00Z");
  // Without a zone the time is UTC, as the server reads it.
  const zoned = /T/.test(iso) && !/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? `${iso}Z` : iso;
  return dateOf(Date.parse(zoned), fail);
}

function dateOf(milliseconds: number, fail: Fail): Date {
  const result = new Date(milliseconds);
  return Number.isNaN(result.getTime()) ? fail("$date is no date or beyond the years ±275,000") : result;
}

function int32(value: Value, _document: Document, fail: Fail): Value {
  const number = Number(text(value, "$numberInt", fail));
  return isInt32(number) ? number + 0 : fail("$numberInt needs an integer between -2^31 and 2^31 - 1");
}

function int64(value: Value, _document: Document, fail: Fail): Value {
  if (typeof value === "number" || typeof value === "bigint") return BigInt(value);
  const literal = text(value, "$numberLong", fail);
  if (!/^-?\d{1,19}$/.test(literal)) return fail("$numberLong needs the digits of an int64 as a string");
  const exact = BigInt(literal);
  return exact === BigInt.asIntN(64, exact) ? exact : fail("$numberLong is beyond int64");
}

function numberDouble(value: Value, _document: Document, fail: Fail): Value {
  const literal = text(value, "$numberDouble", fail);
  if (literal === "NaN" || /^-?Infinity$/.test(literal)) return Number(literal);
  const number = literal.trim() === "" ? Number.NaN : Number(literal);
  return Number.isNaN(number) ? fail(`$numberDouble needs a number, "NaN" or "Infinity"`) : double(number);
}

function decimal(value: Value, _document: Document, fail: Fail): Value {
  const literal = text(value, "$numberDecimal", fail);
  try {
    return Decimal128.fromString(literal);
  } catch {
    return fail("$numberDecimal needs a decimal of at most 34 digits");
  }
}

function binary(value: Value, document: Document, fail: Fail): Value {
  const inner = isDocument(value) ? value : { base64: value, subType: document["$type"] ?? "00" };
  const base64 = text(inner["base64"], "$binary.base64", fail);
  const subtype = Number.parseInt(text(inner["subType"], "$binary.subType", fail), 16);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) fail("$binary.base64 is not base64");
  if (!(subtype >= 0 && subtype <= 255)) fail("$binary.subType needs one or two hexadecimal digits");
  const bytes = new Uint8Array(Buffer.from(base64, "base64"));
  return subtype === 0 ? bytes : new Binary(bytes, subtype);
}

function uuid(value: Value, _document: Document, fail: Fail): Value {
  const hex = text(value, "$uuid", fail).replaceAll("-", "");
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) return fail("$uuid needs 32 hexadecimal digits");
  return new Binary(new Uint8Array(Buffer.from(hex, "hex")), Binary.SUBTYPE_UUID);
}

function regularExpression(value: Value, _document: Document, fail: Fail): Value {
  if (!isDocument(value)) return fail("$regularExpression needs {pattern, options}");
  const pattern = text(value["pattern"], "$regularExpression.pattern", fail);
  const options = text(value["options"] ?? "", "$regularExpression.options", fail);
  if (pattern.includes("\0")) return fail("$regularExpression.pattern must not contain a null character");
  return new BSONRegExp(pattern, [...options].sort().join(""));
}

function timestamp(value: Value, _document: Document, fail: Fail): Value {
  const t = isDocument(value) ? Number(value["t"]) : Number.NaN;
  const i = isDocument(value) ? Number(value["i"]) : Number.NaN;
  if (t >>> 0 !== t || i >>> 0 !== i) return fail("$timestamp needs {t, i} with unsigned 32-bit integers");
  return new Timestamp({ t, i });
}

function javascript(value: Value, document: Document, fail: Fail): Value {
  const scope = document["$scope"];
  if (scope !== undefined && !isDocument(scope)) return fail("$scope needs an object");
  return new Code(text(value, "$code", fail), scope ?? null);
}
