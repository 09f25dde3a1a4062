/**
 * The collections of a data folder: which there are, what kind of tables hold them, which indexes they have.
 *
 * A `plain` collection is one table of encoded documents. An `alerts` collection is the same with the candid
 * as row number. An `aux` collection keeps an object's histories in chunks beside it (see history.ts), and a
 * `cutouts` collection the stamps as blobs.
 */
import type { Database } from "bun:sqlite";
import type { IndexDescription } from "../store.ts";
import type { IndexColumn } from "./index-values.ts";

export type CollectionKind = "plain" | "alerts" | "aux" | "cutouts";

export interface Collection {
  readonly id: number;
  readonly name: string;
  readonly kind: CollectionKind;
  /** Columns `i0`, `i1` … of the table, each with an SQL index. */
  readonly columns: readonly IndexColumn[];
  /** The indexes as users know them, by name; their first key is served by a column. */
  readonly indexes: readonly IndexDescription[];
  /** Name of the SQL table. */
  readonly table: string;
}

/** Blob columns of a cutouts table: stamps beyond these are not kept. */
export const CUTOUT_COLUMNS = 4;

const value = (path: string) => [path, 1] as const;
const down = (path: string) => [path, -1] as const;
const position = ["coordinates.radec_geojson", "2dsphere"] as const;

/** Indexes of alert collections, by the names that existing queries give as `hint`. */
const ALERT_INDEXES: readonly IndexDescription[] = [
  { name: "_id_", keys: [value("_id")], unique: true },
  { name: "candid", keys: [down("candid")], unique: true },
  { name: "objectId", keys: [down("objectId")], unique: false },
  { name: "radec_candid", keys: [position, down("candid")], unique: false },
  { name: "radec_objectId", keys: [position, down("objectId")], unique: false },
  { name: "jd", keys: [value("candidate.jd")], unique: false },
  { name: "jd_radec_candid", keys: [value("candidate.jd"), position, down("candid")], unique: false },
  { name: "jd_radec_objectId", keys: [value("candidate.jd"), position, down("objectId")], unique: false },
  {
    name: "jd_drb_candid",
    keys: [value("candidate.jd"), value("candidate.drb"), down("candid")],
    unique: false,
  },
  {
    name: "jd_braai_candid",
    keys: [value("candidate.jd"), value("classifications.braai"), down("candid")],
    unique: false,
  },
  { name: "drb", keys: [value("candidate.drb")], unique: false },
  { name: "braai", keys: [value("classifications.braai")], unique: false },
  { name: "pid", keys: [value("candidate.pid")], unique: false },
];

const ALERT_COLUMNS: readonly IndexColumn[] = [
  { path: "objectId", kind: "value", required: true },
  { path: "coordinates.radec_geojson", kind: "position", required: true },
  { path: "candidate.jd", kind: "value", required: true },
  { path: "candidate.drb", kind: "value" },
  { path: "classifications.braai", kind: "value" },
  { path: "candidate.pid", kind: "value" },
];

const ID_INDEX: IndexDescription = { name: "_id_", keys: [value("_id")], unique: true };

/** Columns and indexes of a new collection of a kind. */
export function indexesOf(kind: CollectionKind): {
  columns: readonly IndexColumn[];
  indexes: readonly IndexDescription[];
} {
  if (kind === "alerts") return { columns: ALERT_COLUMNS, indexes: ALERT_INDEXES };
  return { columns: [], indexes: [ID_INDEX] };
}

interface CollectionRow {
  id: bigint;
  name: string;
  kind: CollectionKind;
  indexes: string;
}

/** The collections by name as of now; cheap enough to ask for at each query. */
export class Collections {
  readonly #known = new Map<string, Collection>();

  constructor(readonly database: Database) {}

  get(name: string): Collection | undefined {
    const known = this.#known.get(name);
    const row = this.database
      .query<CollectionRow, [string]>("SELECT id, name, kind, indexes FROM collections WHERE name = ?")
      .get(name);
    if (row === null) {
      this.#known.delete(name);
      return undefined;
    }
    if (known !== undefined && known.id === Number(row.id)) return known;
    const collection = fromRow(row);
    this.#known.set(name, collection);
    return collection;
  }

  all(): Collection[] {
    return this.database
      .query<CollectionRow, []>("SELECT id, name, kind, indexes FROM collections ORDER BY name")
      .all()
      .map(fromRow);
  }

  /** The collection, made when there is none. Call inside a transaction. */
  ensure(name: string, kind: CollectionKind): Collection {
    const known = this.get(name);
    if (known !== undefined) return known;
    const { columns, indexes } = indexesOf(kind);
    const { lastInsertRowid } = this.database.run(
      "INSERT INTO collections (name, kind, indexes) VALUES (?, ?, ?)",
      [name, kind, JSON.stringify({ columns, indexes })],
    );
    for (const statement of tableStatements(`c${lastInsertRowid}`, kind, columns))
      this.database.run(statement);
    const made = this.get(name);
    if (made === undefined) throw new Error(`the collection ${name} could not be made`);
    return made;
  }

  /** Drops the tables of a collection. Call inside a transaction. */
  drop(collection: Collection): void {
    this.database.run(`DROP TABLE ${collection.table}`);
    if (collection.kind === "aux") this.database.run(`DROP TABLE ${collection.table}_history`);
    this.database.run("DELETE FROM collections WHERE id = ?", [collection.id]);
    this.#known.delete(collection.name);
  }
}

function fromRow(row: CollectionRow): Collection {
  const { columns, indexes } = JSON.parse(row.indexes) as Pick<Collection, "columns" | "indexes">;
  return { id: Number(row.id), name: row.name, kind: row.kind, columns, indexes, table: `c${row.id}` };
}

function tableStatements(table: string, kind: CollectionKind, columns: readonly IndexColumn[]): string[] {
  // The document comes last, so that its length does not stand between the columns.
  // An index leaves NULLs out: fields that most documents lack (scores) cost nothing.
  const indexes = columns.map(
    (_, n) => `CREATE INDEX ${table}_i${n} ON ${table} (i${n}) WHERE i${n} IS NOT NULL`,
  );
  const indexColumns = columns.map((_, n) => `, i${n}`).join("");
  if (kind === "cutouts") {
    const blobs = Array.from({ length: CUTOUT_COLUMNS }, (_, n) => `, b${n} BLOB`).join("");
    return [`CREATE TABLE ${table} (rid INTEGER PRIMARY KEY, doc TEXT NOT NULL${blobs})`];
  }
  if (kind === "alerts") {
    return [`CREATE TABLE ${table} (rid INTEGER PRIMARY KEY${indexColumns}, doc TEXT NOT NULL)`, ...indexes];
  }
  const plain = `CREATE TABLE ${table} (rid INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE${indexColumns}, doc TEXT NOT NULL)`;
  if (kind === "plain") return [plain, ...indexes];
  return [
    plain,
    `CREATE TABLE ${table}_history (
      id INTEGER PRIMARY KEY, object INTEGER NOT NULL, field TEXT NOT NULL, min_jd REAL NOT NULL,
      max_jd REAL NOT NULL, rank REAL, points BLOB NOT NULL, rows TEXT NOT NULL)`,
    `CREATE INDEX ${table}_history_window ON ${table}_history (object, field, max_jd)`,
  ];
}
