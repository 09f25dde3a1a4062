/** The collections of a data folder: which exist, how each is stored, and which paths are indexed. */
import type { Database } from "bun:sqlite";
import { ALERT_INDEXES, distinctIndexes, ID_INDEX, OUTBOX_INDEXES } from "../indexes.ts";
import type { IndexDescription } from "../store.ts";
import type { IndexKind } from "./index-values.ts";

/**
 * How a collection is stored: `plain` and `alerts` as one row a document, `aux` as objects with chunks of
 * history, `cutouts` as image stamps by candid.
 */
export type CollectionKind = "plain" | "alerts" | "aux" | "cutouts";

/** An indexed path: column `k<position in the list>` of the collection's table. */
export interface IndexColumn {
  readonly path: string;
  readonly kind: IndexKind;
}

interface LayoutOptions {
  readonly columns: readonly IndexColumn[];
  /** Indexes as users know them; each is served by the first of its keys that is a column. */
  readonly indexes: readonly IndexDescription[];
  /** Names of histories or cutouts; rows refer to them by position. */
  readonly fields: readonly string[];
}

export interface CollectionLayout extends LayoutOptions {
  readonly id: number;
  readonly name: string;
  readonly kind: CollectionKind;
}

/** Indexed paths of alerts. The row number is the candid, so `_id` and `candid` need no column. */
export const ALERT_COLUMNS: readonly IndexColumn[] = [
  { path: "objectId", kind: "value" },
  { path: "coordinates.radec_geojson", kind: "position" },
  { path: "candidate.jd", kind: "value" },
  { path: "candidate.drb", kind: "value" },
  { path: "classifications.braai", kind: "value" },
  { path: "candidate.pid", kind: "value" },
];

/** The outbox is read in the order of its numbers, and listed by filter. */
const OUTBOX: LayoutOptions = {
  columns: [
    { path: "seq", kind: "value" },
    { path: "document.filter", kind: "value" },
  ],
  indexes: OUTBOX_INDEXES,
  fields: [],
};

/** What a collection of this name and kind has when it is made. */
function initialOptions(name: string, kind: CollectionKind): LayoutOptions {
  if (kind === "alerts") return { columns: ALERT_COLUMNS, indexes: ALERT_INDEXES, fields: [] };
  if (name === "outbox") return OUTBOX;
  return { columns: [], indexes: [ID_INDEX], fields: [] };
}

function tablesOf(layout: CollectionLayout): string {
  const { id } = layout;
  const columns = layout.columns.map((_, n) => `, k${n}`).join("");
  switch (layout.kind) {
    case "plain":
      return `CREATE TABLE c${id} (n INTEGER PRIMARY KEY, id NOT NULL UNIQUE, doc TEXT NOT NULL${columns});`;
    case "alerts":
      return `CREATE TABLE c${id} (n INTEGER PRIMARY KEY, doc TEXT NOT NULL${columns});`;
    case "aux":
      return (
        `CREATE TABLE c${id} (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kept INTEGER NOT NULL, cross_matches TEXT);` +
        `CREATE TABLE h${id} (n INTEGER PRIMARY KEY, series INTEGER NOT NULL, max_jd REAL NOT NULL, ` +
        "min_jd REAL NOT NULL, rank REAL, keys BLOB NOT NULL, rows BLOB NOT NULL);" +
        `CREATE INDEX h${id}_series ON h${id} (series, max_jd);`
      );
    case "cutouts":
      return `CREATE TABLE c${id} (n INTEGER PRIMARY KEY, object_id TEXT NOT NULL, stamps TEXT NOT NULL, d0 BLOB, d1 BLOB, d2 BLOB, d3 BLOB);`;
  }
}

interface RegistryRow {
  id: bigint;
  name: string;
  kind: CollectionKind;
  layout: string;
}

/** Options that were parsed, by their text: the registry is read for every query. */
const parsedOptions = new Map<string, LayoutOptions>();

function layoutOf(row: RegistryRow): CollectionLayout {
  let options = parsedOptions.get(row.layout);
  if (options === undefined) {
    options = JSON.parse(row.layout) as LayoutOptions;
    if (parsedOptions.size > 1000) parsedOptions.clear();
    parsedOptions.set(row.layout, options);
  }
  return { id: Number(row.id), name: row.name, kind: row.kind, ...options };
}

/** The layout of a collection; undefined when there is none of this name. */
export function findLayout(database: Database, name: string): CollectionLayout | undefined {
  const row = database.query("SELECT id, name, kind, layout FROM collections WHERE name = ?").get(name);
  return row === null ? undefined : layoutOf(row as RegistryRow);
}

/** The layout of a collection, made when absent. Needs a running write transaction. */
export function ensureLayout(database: Database, name: string, kind: CollectionKind): CollectionLayout {
  const known = findLayout(database, name);
  if (known !== undefined) return known;
  const layout = makeTables(database, name, kind, initialOptions(name, kind));
  layout.columns.forEach((_, n) => {
    makeColumnIndex(database, layout, n);
  });
  return layout;
}

function makeTables(
  database: Database,
  name: string,
  kind: CollectionKind,
  options: LayoutOptions,
): CollectionLayout {
  // Numbers of collections are given again when one is dropped: changes are counted from the time, so that no two
  // collections can be taken for the same.
  const made = database
    .query(
      "INSERT INTO collections (name, kind, layout, changes) VALUES (?, ?, ?, ?) RETURNING id, name, kind, layout",
    )
    .get(name, kind, JSON.stringify(options), Date.now()) as RegistryRow;
  const layout = layoutOf(made);
  database.run(tablesOf(layout));
  return layout;
}

/** Makes the index of column `k<n>`, if it is not there. Needs a running write transaction. */
export function makeColumnIndex(database: Database, { id }: CollectionLayout, n: number): void {
  database.run(`CREATE INDEX IF NOT EXISTS c${id}_k${n} ON c${id} (k${n})`);
}

/**
 * Makes a collection that is about to be filled: with the columns of its indexes, which are sorted faster
 * (`makeColumnIndex`) when all rows are there. Needs a running write transaction.
 */
export function makeUnindexed(
  database: Database,
  name: string,
  indexes: readonly IndexDescription[],
): CollectionLayout {
  const all = distinctIndexes([ID_INDEX, ...indexes]);
  return makeTables(database, name, "plain", { columns: columnsOf(all), indexes: all, fields: [] });
}

/** The columns that serve these indexes: of the first key of each. */
export function columnsOf(indexes: readonly IndexDescription[]): IndexColumn[] {
  const columns = new Map<string, IndexColumn>();
  for (const { keys } of indexes) {
    const [path, direction] = keys[0] ?? ["_id", 1];
    const kind = direction === "2dsphere" ? "position" : "value";
    if (path !== "_id") columns.set(`${kind} ${path}`, { path, kind });
  }
  return [...columns.values()];
}

/** Keeps a changed layout. Needs a running write transaction. */
export function saveLayout(database: Database, layout: CollectionLayout): void {
  const { columns, indexes, fields } = layout;
  database
    .query("UPDATE collections SET layout = ? WHERE id = ?")
    .run(JSON.stringify({ columns, indexes, fields }), layout.id);
}

/** Gives a collection a name that no other has. Needs a running write transaction. */
export function renameLayout(database: Database, { id }: CollectionLayout, name: string): void {
  database.query("UPDATE collections SET name = ?, changes = changes + 1 WHERE id = ?").run(name, id);
}

/** Adds names of histories or cutouts to a collection, in order. Needs a running write transaction. */
export function withFields(
  database: Database,
  layout: CollectionLayout,
  fields: readonly string[],
): CollectionLayout {
  const missing = fields.filter((field) => !layout.fields.includes(field));
  if (missing.length === 0) return layout;
  const extended = { ...layout, fields: [...layout.fields, ...missing] };
  saveLayout(database, extended);
  return extended;
}

/** Whether a collection's documents may be indexed by paths of a user's choice. */
export function mayBeIndexed(layout: CollectionLayout): boolean {
  return layout.kind === "plain" || layout.kind === "alerts";
}

/**
 * Adds indexes, each with a column for its first key where there is none. Answers the columns that were
 * added: they are null until someone fills them. Needs a running write transaction.
 */
export function withIndexes(
  database: Database,
  layout: CollectionLayout,
  indexes: readonly IndexDescription[],
): { layout: CollectionLayout; added: readonly { readonly name: string; readonly column: IndexColumn }[] } {
  const missing = indexes.filter(({ name }) => !layout.indexes.some((known) => known.name === name));
  if (missing.length === 0) return { layout, added: [] };
  const columns = [...layout.columns];
  for (const column of columnsOf(missing)) {
    const isKnown = columns.some(({ path, kind }) => path === column.path && kind === column.kind);
    if (!isKnown) columns.push(column);
  }
  const { id, fields } = layout;
  const added = columns
    .slice(layout.columns.length)
    .map((column, n) => ({ name: `k${layout.columns.length + n}`, column }));
  for (const { name } of added) database.run(`ALTER TABLE c${id} ADD COLUMN ${name}`);
  const options: LayoutOptions = { columns, indexes: [...layout.indexes, ...missing], fields };
  saveLayout(database, { ...layout, ...options });
  return { layout: { ...layout, ...options }, added };
}

/** Removes a collection with its tables; answers whether there was one. Needs a running write transaction. */
export function dropLayout(database: Database, name: string): boolean {
  const layout = findLayout(database, name);
  if (layout === undefined) return false;
  database.run(`DROP TABLE c${layout.id}`);
  if (layout.kind === "aux") database.run(`DROP TABLE h${layout.id}`);
  database.query("DELETE FROM collections WHERE id = ?").run(layout.id);
  return true;
}

/** Notes that documents were written: their number, and that there is something new. */
export function noteChange(database: Database, layout: CollectionLayout, added: number): void {
  database
    .query("UPDATE collections SET documents = documents + ?, changes = changes + 1 WHERE id = ?")
    .run(added, layout.id);
}
