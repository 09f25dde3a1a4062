/** What a preset is: how files of a well-known catalogue are read. */
import type { Document } from "../../query/index.ts";
import type { CatalogSpec } from "../spec.ts";

export interface Preset {
  readonly name: string;
  /** One line: which files of which catalogue. */
  readonly summary: string;
  /** What is assumed where the command line says nothing; `name` is the usual name of the collection. */
  readonly spec: Partial<CatalogSpec>;
  /** Whether `_id` is text also when the column holds numbers. */
  readonly idAsText?: true;
  /** Names of fields by the names of columns. */
  readonly rename?: Readonly<Record<string, string>>;
  /** Which rows are kept; told the document before its coordinates are there. */
  readonly keep?: (document: Document) => boolean;
  /** Changes a document in place. */
  readonly adapt?: (document: Document) => void;
}
