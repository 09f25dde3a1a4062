/** Chooses how a query reads its collection: by which index, in which order. */
import type { Database, SQLQueryBindings } from "bun:sqlite";
import { type Bounds, type Document, isDocument, QueryError } from "../../query/index.ts";
import type { SortSpec } from "../store.ts";
import { type Access, accessesFor, columnFor, EVERYTHING, type Scan } from "./access.ts";
import { estimatedCount } from "./describe.ts";
import { IRREGULAR } from "./index-values.ts";
import type { CollectionLayout } from "./layout.ts";

/** An access of no more rows than this is taken without a look at others. */
const FEW_ROWS = 500;
/** Rows are counted up to here; whoever has more has many. */
const MOST_COUNTED = 20_000;
/** So many documents fit into memory to be sorted, however long they are. */
const MOST_SORTED = 10_000;
/** Ranges of one access that are counted one by one. */
const MOST_SCANS_COUNTED = 100;

export interface Plan {
  readonly access: Access;
  readonly direction: 1 | -1;
  /** Whether the access yields documents in the order that was asked for. */
  readonly ordered: boolean;
}

/** What a query wants of a collection. */
export interface Wanted {
  /** What all wanted documents lie within. */
  readonly bounds: Bounds;
  readonly sort?: SortSpec | undefined;
  readonly hint?: string | Document | undefined;
  /** How many documents are asked for, when that is known; infinite for all. */
  readonly most?: number;
}

/** The plan of a query. Throws `QueryError` for a hint that names no index. */
export function planAccess(database: Database, layout: CollectionLayout, request: Wanted): Plan {
  const choices = accessesFor(request.bounds, layout);
  const best =
    request.hint === undefined
      ? cheapest(database, layout, choices, request.sort !== undefined)
      : { access: hinted(request.hint, layout, choices), rows: Number.POSITIVE_INFINITY };
  const unordered: Plan = { access: best.access, direction: 1, ordered: false };
  if (request.sort === undefined || best.rows <= FEW_ROWS) return unordered;
  if (
    best.rows < MOST_COUNTED &&
    request.most !== undefined &&
    isSortedSooner(database, layout, best.rows, request.most)
  ) {
    return unordered;
  }
  return inSortOrder(database, layout, request.sort, best.access) ?? unordered;
}

/** Whether it is less to sort the rows of an access than to look for them in the order of an index. */
function isSortedSooner(database: Database, { name }: CollectionLayout, rows: number, most: number): boolean {
  const all = estimatedCount(database, name);
  const lookedAt = most >= rows ? all : (most * all) / rows;
  return rows <= lookedAt && (rows <= MOST_SORTED || most <= MOST_SORTED);
}

function cheapest(
  database: Database,
  layout: CollectionLayout,
  choices: readonly Access[],
  counts: boolean,
): { access: Access; rows: number } {
  const [only, ...others] = choices;
  // Counting is worth its time where there is something to choose.
  if (only !== undefined && others.length === 0 && !counts) return { access: only, rows: MOST_COUNTED };
  let best = { access: EVERYTHING, rows: Number.POSITIVE_INFINITY };
  for (const access of choices) {
    const rows = rowsOf(database, layout, access, Math.min(best.rows, MOST_COUNTED));
    if (rows < best.rows) best = { access, rows };
    if (rows <= 1) break;
  }
  return best;
}

/** How many rows an access gives, counted in the index up to `most`. */
function rowsOf(database: Database, layout: CollectionLayout, access: Access, most: number): number {
  let rows = 0;
  for (const scan of access.scans.slice(0, MOST_SCANS_COUNTED)) {
    const { where, values } = conditionOf(scan);
    const counted = database
      .query<{ n: bigint }, SQLQueryBindings[]>(
        `SELECT count(*) AS n FROM (SELECT 1 FROM c${layout.id} WHERE ${where} LIMIT ?)`,
      )
      .get(...values, most - rows + 1);
    rows += Number(counted?.n ?? 0);
    if (rows > most) break;
  }
  return rows + Math.max(0, access.scans.length - MOST_SCANS_COUNTED);
}

function conditionOf(scan: Scan): { where: string; values: SQLQueryBindings[] } {
  if (scan.kind === "point") return { where: `${scan.column} IS ?`, values: [scan.value] };
  const ends: string[] = [];
  const values: SQLQueryBindings[] = [];
  if (scan.lower !== undefined) {
    ends.push(`${scan.column} ${scan.lower.inclusive ? ">=" : ">"} ?`);
    values.push(scan.lower.value);
  }
  if (scan.upper !== undefined) {
    ends.push(`${scan.column} ${scan.upper.inclusive ? "<=" : "<"} ?`);
    values.push(scan.upper.value);
  }
  return { where: ends.join(" AND ") || "TRUE", values };
}

/** An index that lists the documents in the order asked for, when it lists all that may match. */
function inSortOrder(
  database: Database,
  layout: CollectionLayout,
  sort: SortSpec,
  access: Access,
): Plan | undefined {
  const [first, ...others] = sort;
  if (first === undefined || others.length > 0) return undefined;
  const [path, direction] = first;
  const column = columnFor(path, "value", layout);
  if (column === undefined) return undefined;
  if (column.holds === "number") {
    // Both the whole table and ranges of candids are read in the order of candids.
    const scans = access.scans.every((scan) => scan.column === "n") && access.scans.length === 1;
    return { access: scans ? access : EVERYTHING, direction, ordered: true };
  }
  const { name } = column;
  const irregular = database
    .query<unknown, SQLQueryBindings[]>(`SELECT 1 FROM c${layout.id} WHERE ${name} >= ? LIMIT 1`)
    .get(IRREGULAR);
  if (irregular !== null) return undefined;
  const own = access.scans.filter((scan) => scan.column === name && scan.kind === "range");
  if (access.scans.every((scan) => scan.column === name) && own.length === 1) {
    return { access: { ...access, scans: own }, direction, ordered: true };
  }
  const nulls: Scan = { kind: "point", column: name, value: null };
  const present: Scan = {
    kind: "range",
    column: name,
    lower: { value: Number.NEGATIVE_INFINITY, inclusive: true },
  };
  const scans = direction === 1 ? [nulls, present] : [present, nulls];
  return { access: { index: column.index, scans, mayRepeat: false }, direction, ordered: true };
}

function hinted(hint: string | Document, layout: CollectionLayout, choices: readonly Access[]): Access {
  const index = layout.indexes.find(({ name, keys }) =>
    typeof hint === "string" ? name === hint : sameKeys(hint, keys),
  );
  if (index === undefined) {
    if (isDocument(hint) && "$natural" in hint) return EVERYTHING;
    const names = layout.indexes.map(({ name }) => name).join(", ");
    throw new QueryError("invalid", "hint", `no such index of ${layout.name}; there are: ${names}`);
  }
  // The first key that has a column serves the index.
  for (const [path, kind] of index.keys) {
    const column = columnFor(path, kind === "2dsphere" ? "position" : "value", layout);
    const access = choices.find(({ scans }) => scans.some((scan) => scan.column === column?.name));
    if (access !== undefined) return { ...access, index: index.name };
  }
  return EVERYTHING;
}

function sameKeys(hint: Document, keys: readonly (readonly [string, 1 | -1 | "2dsphere"])[]): boolean {
  const wanted = Object.entries(hint);
  return (
    wanted.length === keys.length &&
    wanted.every(([path, kind], i) => keys[i]?.[0] === path && keys[i]?.[1] === kind)
  );
}
