/** The header of an ECSV file: YAML in comments, as Astropy's APE 6 lays it out. */
import { parse } from "yaml";
import { isDocument, type Value } from "../../query/index.ts";
import type { ColumnType } from "../table.ts";

export interface EcsvColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly unit?: string;
  /** Whether fields hold JSON: arrays and objects. */
  readonly isJson: boolean;
}

export interface EcsvHeader {
  readonly delimiter: string;
  readonly columns: readonly EcsvColumn[];
}

/** Whether a file's first line begins an ECSV header. */
export function isEcsv(line: string): boolean {
  return /^#\s*%ECSV\s/.test(line);
}

/** Reads the comment lines behind the first. Throws an `Error` that says what is wrong. */
export function parseEcsvHeader(lines: readonly string[]): EcsvHeader {
  const yaml = lines.map((line) => line.replace(/^#\s?/, "")).join("\n");
  // Metadata may hold tags of Python's; the values of these do not matter here.
  const header = parse(yaml, { logLevel: "silent", maxAliasCount: 100 }) as Value;
  const columns = isDocument(header) ? header["datatype"] : undefined;
  if (!isDocument(header) || !Array.isArray(columns) || columns.length === 0) {
    throw new Error('the header has no list "datatype" of its columns');
  }
  const delimiter = header["delimiter"] ?? " ";
  if (delimiter !== " " && delimiter !== ",") throw new Error('delimiter: expected " " or ","');
  return { delimiter, columns: columns.map(columnOf) };
}

function columnOf(entry: Value): EcsvColumn {
  const { name, datatype, unit, subtype } = isDocument(entry) ? entry : {};
  if (typeof name !== "string" || typeof datatype !== "string") {
    throw new Error("datatype: expected a name and a datatype for each column");
  }
  return {
    name,
    type: typeOf(datatype),
    ...(typeof unit === "string" ? { unit } : {}),
    isJson: typeof subtype === "string" && (subtype.includes("[") || subtype === "json"),
  };
}

function typeOf(datatype: string): ColumnType {
  if (datatype === "bool" || datatype === "string") return datatype;
  if (/^u?int\d+$/.test(datatype)) return "int";
  if (/^float\d+$/.test(datatype)) return "float";
  throw new Error(`datatype ${datatype} is not known`);
}
