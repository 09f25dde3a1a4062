/**
 * History rows that are still in the bytes of their packet. Most of them are stored already or are never looked at,
 * so they become documents only when somebody asks.
 */
import type { FlatFields, FlatRecords } from "../avro/index.ts";
import { type Document, double, type Value } from "../query/values.ts";

/** A field that rows gain behind those of their records. */
export interface AddedField {
  readonly name: string;
  /** A double for each row. */
  readonly values: ArrayLike<number>;
  /** Whether rows whose value is not a number do without. */
  readonly isOptional: boolean;
}

export interface FlatRows {
  readonly records: FlatRecords;
  /** The record of each row. */
  readonly order: readonly number[];
  /** Fields with this number are left out, as those with null are. */
  readonly leftOut: number | undefined;
  readonly added: readonly AddedField[];
}

/** Whether rows have just the fields of their records and those that are added. */
export function mayAdd({ columns }: FlatFields, names: readonly string[]): boolean {
  return !names.some((name) => columns.has(name));
}

/** The rows as documents. */
export function documentsOf(rows: FlatRows): Document[] {
  return rows.order.map((_, index) => documentOf(rows, index));
}

/** One of the rows as a document. */
export function documentOf({ records, order, leftOut, added }: FlatRows, index: number): Document {
  const { names } = records.fields;
  const record = order[index] ?? 0;
  const row: Document = {};
  for (let column = 0; column < names.length; column++) {
    const value = records.value(record, column) as Value;
    if (value === null) continue;
    if (leftOut !== undefined && records.number(record, column) === leftOut) continue;
    row[names[column] as string] = value;
  }
  for (const { name, values, isOptional } of added) {
    const value = values[index] ?? Number.NaN;
    if (!isOptional || !Number.isNaN(value)) row[name] = double(value);
  }
  return row;
}
