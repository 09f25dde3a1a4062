/** Finds and counts documents on one connection: chooses an access, matches, sorts, cuts and projects. */
import type { Database } from "bun:sqlite";
import {
  compileMatch,
  compileProjection,
  compileSort,
  type Document,
  isDocument,
  planFilter,
  QueryError,
} from "../../query/index.ts";
import type { CountRequest, FindExplanation, FindRequest, SortSpec } from "../store.ts";
import { type Access, accessesFor, EVERYTHING } from "./access.ts";
import { type Collection, Collections } from "./collections.ts";
import { IRREGULAR } from "./index-values.ts";
import { type Found, scanDocuments } from "./scan.ts";
import { Sorter } from "./sorter.ts";

/** An access that is expected to give no more rows than this is taken at once. */
const FEW_ROWS = 2000;

/** A query in progress: yields documents, and `undefined` where the thread may look after others. */
export type Running = Generator<Document | undefined, void, undefined>;

interface Plan {
  readonly access: Access;
  readonly direction: 1 | -1;
  /** Whether the access yields documents in the order that was asked for. */
  readonly ordered: boolean;
}

export class Finder {
  readonly #collections: Collections;

  constructor(readonly database: Database) {
    this.#collections = new Collections(database);
  }

  /** Runs a find; `examined` is called for each document that was looked at. */
  *find(request: FindRequest, examined: () => void = () => {}): Running {
    const matches = compileMatch(request.filter);
    const project = request.projection === undefined ? undefined : compileProjection(request.projection);
    const compare = request.sort === undefined ? undefined : compileSort(request.sort);
    const collection = this.#collections.get(request.collection);
    if (collection === undefined) return;
    const plan = this.#plan(collection, request);
    const found = matching(
      scanDocuments(this.database, collection, plan.access, plan.direction),
      matches,
      examined,
    );
    const limit =
      request.limit === undefined || request.limit === 0 ? Number.POSITIVE_INFINITY : request.limit;
    const skip = request.skip ?? 0;
    const inOrder =
      compare === undefined || plan.ordered
        ? documentsOf(found)
        : new Sorter(compare, skip + limit).sort(found);
    yield* cut(inOrder, skip, limit, project);
  }

  /** Counts as `find` would yield; yields `undefined` while it runs and returns the count. */
  *count(request: CountRequest): Generator<undefined, number, undefined> {
    const { limit = 0, skip = 0 } = request;
    const collection = this.#collections.get(request.collection);
    if (collection !== undefined && Object.keys(request.filter).length === 0) {
      const row = this.database
        .query<{ n: bigint }, []>(`SELECT count(*) AS n FROM ${collection.table}`)
        .get();
      const all = Math.max(0, Number(row?.n ?? 0) - skip);
      return limit > 0 ? Math.min(all, limit) : all;
    }
    let count = 0;
    for (const document of this.find(request)) {
      if (document === undefined) yield undefined;
      else count++;
    }
    return count;
  }

  /** Runs a find to its end and tells how it was served. */
  *explain(request: FindRequest): Generator<undefined, FindExplanation, undefined> {
    const collection = this.#collections.get(request.collection);
    let documentsExamined = 0;
    let documentsReturned = 0;
    for (const document of this.find(request, () => documentsExamined++)) {
      if (document === undefined) yield undefined;
      else documentsReturned++;
    }
    const index = collection === undefined ? null : this.#plan(collection, request).access.index;
    return { index, documentsExamined, documentsReturned };
  }

  #plan(collection: Collection, request: FindRequest): Plan {
    const choices = accessesFor(planFilter(request.filter), collection);
    const hinted = request.hint === undefined ? undefined : hintedAccess(request.hint, collection, choices);
    const best = hinted ?? this.#cheapest(collection, choices);
    if (best.rows <= FEW_ROWS || request.sort === undefined) {
      return { access: best.access, direction: 1, ordered: false };
    }
    return (
      this.#inSortOrder(collection, request.sort, best.access) ?? {
        access: best.access,
        direction: 1,
        ordered: false,
      }
    );
  }

  #cheapest(collection: Collection, choices: readonly Access[]): { access: Access; rows: number } {
    let best = { access: EVERYTHING, rows: Number.POSITIVE_INFINITY };
    for (const access of choices) {
      const rows = this.#rowsUpTo(collection, access, Math.min(best.rows, 50 * FEW_ROWS));
      if (rows < best.rows) best = { access, rows };
      if (rows <= 1) break;
    }
    return best;
  }

  /** How many rows an access gives, counted up to a limit in the index alone. */
  #rowsUpTo(collection: Collection, access: Access, most: number): number {
    let rows = 0;
    for (const { column, where, parameters } of access.scans) {
      const counted = this.database
        .query<{ n: bigint }, never[]>(
          `SELECT count(*) AS n FROM (SELECT ${column} FROM ${collection.table} WHERE ${where} LIMIT ?)`,
        )
        .get(...(parameters as never[]), (most - rows + 1) as never);
      rows += Number(counted?.n ?? 0);
      if (rows > most) break;
    }
    return rows;
  }

  /** An index that lists documents in the order asked for, when it lists all that may match. */
  #inSortOrder(collection: Collection, sort: SortSpec, access: Access): Plan | undefined {
    const [first, ...others] = sort;
    if (first === undefined || others.length > 0) return undefined;
    const [path, direction] = first;
    if (path === "_id" && (collection.kind === "alerts" || collection.kind === "cutouts")) {
      return { access: EVERYTHING, direction, ordered: true };
    }
    const number = collection.columns.findIndex((column) => column.path === path && column.kind === "value");
    const column = collection.columns[number];
    if (column === undefined) return undefined;
    const name = `i${number}`;
    const scansIt = access.scans.length > 0 && access.scans.every((scan) => scan.column === name);
    if (!scansIt && column.required !== true) return undefined;
    const irregular = this.database
      .query(`SELECT 1 FROM ${collection.table} WHERE ${name} = ? LIMIT 1`)
      .get(IRREGULAR);
    if (irregular !== null) return undefined;
    const regular = access.scans.filter((scan) => scan.parameters[0] !== IRREGULAR);
    if (scansIt && regular.length === 1)
      return { access: { ...access, scans: regular }, direction, ordered: true };
    if (column.required !== true) return undefined;
    const whole = { column: name, where: `${name} IS NOT NULL`, parameters: [] };
    const index = collection.indexes.find((candidate) => candidate.keys[0]?.[0] === path)?.name ?? path;
    return { access: { index, scans: [whole], mayRepeat: false }, direction, ordered: true };
  }
}

function hintedAccess(
  hint: string | Document,
  collection: Collection,
  choices: readonly Access[],
): { access: Access; rows: number } {
  const index = collection.indexes.find((candidate) =>
    typeof hint === "string" ? candidate.name === hint : sameKeys(hint, candidate.keys),
  );
  const natural = isDocument(hint) && "$natural" in hint;
  if (index === undefined && !natural) {
    const names = collection.indexes.map((candidate) => candidate.name).join(", ");
    throw new QueryError("invalid", "hint", `no such index of ${collection.name}; there are: ${names}`);
  }
  const path = index?.keys[0]?.[0];
  const named = choices.find((access) =>
    collection.indexes.some(
      (candidate) => candidate.name === access.index && candidate.keys[0]?.[0] === path,
    ),
  );
  return { access: named ?? EVERYTHING, rows: Number.POSITIVE_INFINITY };
}

function sameKeys(hint: Document, keys: readonly (readonly [string, 1 | -1 | "2dsphere"])[]): boolean {
  const wanted = Object.entries(hint);
  return (
    wanted.length === keys.length &&
    wanted.every(([path, kind], i) => keys[i]?.[0] === path && keys[i]?.[1] === kind)
  );
}

function* matching(
  found: Iterable<Found | undefined>,
  matches: (document: Document) => boolean,
  examined: () => void,
): Generator<Found | undefined> {
  for (const item of found) {
    if (item === undefined) yield undefined;
    else {
      examined();
      if (matches(item.document)) yield item;
    }
  }
}

function* documentsOf(found: Iterable<Found | undefined>): Running {
  for (const item of found) yield item?.document;
}

function* cut(
  documents: Iterable<Document | undefined>,
  skip: number,
  limit: number,
  project: ((document: Document) => Document) | undefined,
): Running {
  let index = 0;
  for (const document of documents) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    if (index++ < skip) continue;
    yield project === undefined ? document : project(document);
    if (index >= skip + limit) return;
  }
}
