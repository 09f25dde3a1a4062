/** Files of tables for tests, and what is read from them in words that Python says too. */

import { join } from "node:path";
import { Decimal128, Double } from "bson";
import { openTable } from "../../src/catalogs/open.ts";
import type { Cell, TableOptions } from "../../src/catalogs/table.ts";
import type { Value } from "../../src/query/index.ts";
import { pythonWith } from "../support/python.ts";

/** A Python that writes and reads tables; or why there is none. */
export const tablesPython = () => pythonWith("tables", ["astropy==8.0.2", "numpy==2.4.6", "pyarrow==26.0.1"]);

/** Runs a script beside this file. */
export async function runScript(python: string, script: string, ...words: string[]): Promise<void> {
  const child = Bun.spawn([python, join(import.meta.dir, script), ...words], {
    stdout: "ignore",
    stderr: "pipe",
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${errors.slice(-2000)}`);
}

export interface ReadTable {
  readonly names: readonly string[];
  readonly units: readonly (string | undefined)[];
  readonly rows: readonly (readonly Cell[] | undefined)[];
  readonly places: readonly number[];
  readonly bad: readonly { readonly place: number; readonly reason: string }[];
  readonly notes: readonly string[];
}

/** A whole file. */
export async function readTable(path: string, options: TableOptions = {}, skip = 0): Promise<ReadTable> {
  const table = await openTable(path, options);
  const rows: (readonly Cell[] | undefined)[] = [];
  const places: number[] = [];
  const bad: { place: number; reason: string }[] = [];
  const notes: string[] = [];
  try {
    let next = skip + 1;
    for await (const piece of table.read(skip, new Set(table.columns.keys()))) {
      if (piece.first !== next) throw new Error(`a piece begins with row ${piece.first}, not ${next}`);
      next += piece.rows.length;
      rows.push(...piece.rows);
      bad.push(...piece.bad);
      notes.push(...(piece.notes ?? []));
      places.push(...(piece.places ?? piece.rows.map((_, i) => piece.first + i)));
    }
  } finally {
    await table.close();
  }
  const { columns } = table;
  return {
    names: columns.map(({ name }) => name),
    units: columns.map(({ unit }) => unit),
    rows,
    places,
    bad,
    notes,
  };
}

/** A row as an object by column. */
export function byName({ names }: ReadTable, row: readonly Cell[] | undefined): Record<string, unknown> {
  return Object.fromEntries(names.map((name, i) => [name, told(row?.[i])]));
}

/** A value with its kind: `i`… integer, `f`… double by its bits, `s`… text; null for none. */
export function told(value: Cell): unknown {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return `s${value}`;
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint") return `i${value}`;
  if (value instanceof Decimal128) return `i${value.toString()}`;
  if (value instanceof Double) return toldDouble(value.value);
  if (typeof value === "number") return Number.isInteger(value) ? `i${value}` : toldDouble(value);
  if (value instanceof Date) return `t${value.toISOString()}`;
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(told);
  return Object.fromEntries(
    Object.entries(value as Record<string, Value>).map(([name, one]) => [name, told(one)]),
  );
}

function toldDouble(value: number): string {
  if (Number.isNaN(value)) return "fnan";
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return `f${view.getBigUint64(0).toString(16).padStart(16, "0")}`;
}
