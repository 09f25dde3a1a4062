/** From what the reader gives to the values of documents, by the schema of a column. */
import { Decimal128 } from "bson";
import type { ParquetParsers, SchemaElement, SchemaTree } from "hyparquet";
import { type Document, double, isDocument, parseJson, setField, type Value } from "../../query/index.ts";
import { int32OrWider, wideInteger } from "../integers.ts";
import type { Cell } from "../table.ts";

export type ValueReader = (value: unknown) => Cell;

/** JSON columns keep integers of all sizes; geometries stay the bytes that they are. */
export const PARSERS: Partial<ParquetParsers> = {
  jsonFromBytes: (bytes: Uint8Array) => bytes && parseJson(new TextDecoder().decode(bytes)),
  geometryFromBytes: (bytes: Uint8Array) => bytes,
  geographyFromBytes: (bytes: Uint8Array) => bytes,
};

/** The reader of a column's values, nested ones too. */
export function valueReader({ element, children }: SchemaTree): ValueReader {
  const [only] = children;
  if (only === undefined) return repeated(element, leafReader(element));
  if (element.converted_type === "LIST" && children.length === 1) {
    const item = only.children.length === 1 && only.children[0] !== undefined ? only.children[0] : only;
    return listOf(item === only && only.children.length === 0 ? leafReader(only.element) : valueReader(item));
  }
  if (element.converted_type === "MAP") return repeated(element, mapReader(only));
  return repeated(element, structReader(children));
}

function repeated(element: SchemaElement, reader: ValueReader): ValueReader {
  return element.repetition_type === "REPEATED" ? listOf(reader) : reader;
}

/** Within a list the places of values matter: none is null. */
function listOf(item: ValueReader): ValueReader {
  return (value) => {
    if (value === null || value === undefined) return undefined;
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return undefined;
    return Array.from(value as ArrayLike<unknown>, (one) => {
      if (one === "" || (typeof one === "number" && Number.isNaN(one))) return one;
      return item(one) ?? null;
    });
  };
}

function structReader(children: readonly SchemaTree[]): ValueReader {
  const readers = children.map((child) => [child.element.name, valueReader(child)] as const);
  return (value) => {
    if (typeof value !== "object" || value === null) return undefined;
    const document: Document = {};
    for (const [name, read] of readers) {
      const field = read((value as Record<string, unknown>)[name]);
      if (field !== undefined) setField(document, fieldName(name), field);
    }
    return document;
  };
}

function mapReader(entry: SchemaTree): ValueReader {
  const [, node] = entry.children;
  const read = node === undefined ? () => null : valueReader(node);
  return (value) => {
    if (typeof value !== "object" || value === null) return undefined;
    const document: Document = {};
    for (const [key, one] of Object.entries(value)) setField(document, fieldName(key), read(one) ?? null);
    return document;
  };
}

/** In queries a dot and a dollar have a meaning. */
function fieldName(name: string): string {
  return name.replaceAll(".", "_").replaceAll("\0", "").replace(/^\$/, "_");
}

function leafReader(element: SchemaElement): ValueReader {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (converted === "DECIMAL" || logical?.type === "DECIMAL") return decimalReader(element);
  switch (type) {
    case "FLOAT":
    case "DOUBLE":
      return doubleOf;
    case "INT32":
    case "INT64":
      return integerOf;
    default:
      return logical?.type === "FLOAT16" ? doubleOf : (value) => plainOf(value);
  }
}

function doubleOf(value: unknown): Cell {
  return typeof value !== "number" || Number.isNaN(value) ? undefined : double(value);
}

function integerOf(value: unknown): Cell {
  if (typeof value === "number") return int32OrWider(value);
  return typeof value === "bigint" ? wideInteger(value) : plainOf(value);
}

function plainOf(value: unknown): Cell {
  if (value === null || value === undefined) return undefined;
  if (typeof value === "string") return value === "" ? undefined : value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value;
  // The bytes lie within those of a whole page.
  if (value instanceof Uint8Array) return value.slice();
  if (typeof value === "boolean" || isDocument(value as Value) || Array.isArray(value)) return value as Value;
  return typeof value === "number"
    ? doubleOf(value)
    : typeof value === "bigint"
      ? wideInteger(value)
      : undefined;
}

/** Decimals with all their digits: the reader is kept from making doubles of them (`withoutDecimals`). */
function decimalReader({ scale = 0 }: SchemaElement): ValueReader {
  return (value) => {
    const unscaled =
      value instanceof Uint8Array ? signed(value) : typeof value === "number" ? BigInt(value) : value;
    if (typeof unscaled !== "bigint") return undefined;
    const digits = unscaled.toString();
    return digits.replace("-", "").length > 34
      ? Number(`${digits}E-${scale}`)
      : Decimal128.fromString(`${digits}E-${scale}`);
  };
}

/** Big-endian two's complement. */
function signed(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString("hex")}`));
}

/** The schema as the reader is given it: decimals are the integers and bytes that they are stored as. */
export function withoutDecimals(schema: readonly SchemaElement[]): SchemaElement[] {
  return schema.map((element) => {
    if (element.converted_type !== "DECIMAL" && element.logical_type?.type !== "DECIMAL") return element;
    const { converted_type: _, logical_type: __, ...plain } = element;
    return plain;
  });
}
