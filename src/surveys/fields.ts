/** Reads fields of decoded packets, with errors that name them. */
import { Double } from "bson";
import { FlatRecords } from "../avro/index.ts";
import { type Document, isDocument, type Value } from "../query/index.ts";
import { PacketError } from "./survey.ts";

/** The number a plain or boxed value stands for; `undefined` for anything else. */
export function numberOf(value: Value | undefined): number | undefined {
  if (typeof value === "number") return value;
  return value instanceof Double ? value.value : undefined;
}

/** A finite number that must be there. */
export function requireNumber(document: Document, field: string, path: string): number {
  const number = numberOf(document[field]);
  if (number === undefined || !Number.isFinite(number)) {
    throw new PacketError(path, `expected a finite number, found ${describe(document[field])}`);
  }
  return number;
}

/** A non-empty string that must be there. */
export function requireString(document: Document, field: string, path: string): string {
  const value = document[field];
  if (typeof value !== "string" || value === "") {
    throw new PacketError(path, `expected a non-empty string, found ${describe(value)}`);
  }
  return value;
}

/** An embedded record that must be there. */
export function requireRecord(document: Document, field: string, path: string): Document {
  const value = document[field];
  if (!isDocument(value)) throw new PacketError(path, `expected a record, found ${describe(value)}`);
  return value;
}

/** An array of records; null and missing count as empty. */
export function recordsOf(document: Document, field: string, path: string): Document[] {
  const value = document[field];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new PacketError(path, `expected an array, found ${describe(value)}`);
  return value.map((row, index) => {
    if (!isDocument(row))
      throw new PacketError(`${path}[${index}]`, `expected a record, found ${describe(row)}`);
    return row;
  });
}

/** An array of records that are still in the bytes of the packet; undefined when it is not. */
export function flatRecordsOf(packet: Document, field: string): FlatRecords | undefined {
  const value: unknown = packet[field];
  return value instanceof FlatRecords ? value : undefined;
}

/** A value in a few words, for error messages. */
export function describe(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (isDocument(value)) return "a record";
  return `${typeof value} ${String(value).slice(0, 40)}`;
}
