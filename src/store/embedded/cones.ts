/** Searches round many positions on one connection: a few ranges of the index for each, exact distances after. */
import type { Database } from "bun:sqlite";
import {
  type Bounds,
  compileMatchNode,
  compileProjection,
  type Document,
  parseMatch,
  planMatch,
  planNear,
  printJson,
  QueryError,
} from "../../query/index.ts";
import { POSITION_PATH } from "../catalog-reader.ts";
import {
  type ConesRequest,
  type ConeTarget,
  distanceWithin,
  nearQueryOf,
  TargetRows,
  withDistance,
} from "../cones.ts";
import { type Access, accessesFor } from "./access.ts";
import { IRREGULAR } from "./index-values.ts";
import { type CollectionLayout, findLayout } from "./layout.ts";
import { planAccess } from "./planner.ts";
import { type Found, scanDocuments } from "./scan.ts";
import { type Order, orderOf, Sorter } from "./sorter.ts";

/** Cones up to this radius are always served by the index of positions, without a look at others, degrees. */
const SMALL = 0.1;

/** A document with its distance, radians. */
interface Near {
  readonly document: Document;
  readonly distance: number;
}

type Reader = (target: ConeTarget) => Generator<(Found & Near) | undefined>;

/** What a scan for many targets may hold, bytes. */
const MOST_BYTES = 100 * 1024 * 1024;

const tooMany = (collection: string) =>
  new QueryError(
    "limit",
    "",
    `more than ${MOST_BYTES / 1024 / 1024} MB of documents lie round these positions, and ${collection} has no index of ` +
      "positions: ask for fewer, or index it",
  );

export class ConeSearcher {
  readonly #filter: ReturnType<typeof parseMatch>;
  readonly #matches: (document: Document) => boolean;
  readonly #project: (document: Document) => Document;

  constructor(
    readonly database: Database,
    readonly request: ConesRequest,
  ) {
    this.#filter = parseMatch(request.filter, "filter");
    this.#matches = compileMatchNode(this.#filter);
    const { projection } = request;
    this.#project =
      projection === undefined
        ? (document) => document
        : compileProjection(projection, { filter: this.#filter });
  }

  /**
   * Yields the answer as JSON text: `"key":[documents]` for each target in turn, in pieces, comma-separated;
   * and `undefined` where the thread may look after others.
   */
  *run(): Generator<string | undefined, void, undefined> {
    const { collection, targets } = this.request;
    const layout = findLayout(this.database, collection);
    let reader = layout === undefined ? undefined : this.#reader(layout);
    if (layout !== undefined && targets.length > 1 && !hasPositions(layout)) {
      reader = yield* this.#scanOnce(layout);
    }
    let before = "";
    for (const target of targets) {
      yield `${before}${JSON.stringify(target.key)}:[`;
      let separator = "";
      for (const found of reader === undefined ? [] : this.#answer(reader(target))) {
        if (found === undefined) {
          yield undefined;
          continue;
        }
        const shown = this.#project(found.document);
        const isMeasured = this.request.withDistance === true;
        yield separator + printJson(isMeasured ? withDistance(shown, found.distance) : shown);
        separator = ",";
      }
      before = "],";
    }
    if (before !== "") yield "]";
  }

  /** Without an index of positions: one look at every document, for all targets. */
  *#scanOnce(layout: CollectionLayout): Generator<undefined, Reader, undefined> {
    const { targets, radius } = this.request;
    const rows = new TargetRows(targets, radius);
    const nearby = targets.map((target) => nearQueryOf(target, this.request));
    const found = new Map<number, (Found & Near)[]>();
    let bytes = 0;
    const { access } = planAccess(this.database, layout, { bounds: planMatch(this.#filter) });
    for (const item of scanDocuments(this.database, layout, access)) {
      if (item === undefined) {
        yield undefined;
        continue;
      }
      for (const index of rows.near(item.document)) {
        const near = nearby[index];
        const distance = near === undefined ? undefined : distanceWithin(near, item.document);
        if (distance === undefined || !this.#matches(item.document)) continue;
        const known = found.get(index);
        if (known === undefined) found.set(index, [{ ...item, distance }]);
        else known.push({ ...item, distance });
        bytes += item.size;
        if (bytes > MOST_BYTES) throw tooMany(layout.name);
      }
    }
    const indexes = new Map(targets.map((target, index) => [target, index]));
    return function* (target) {
      yield* found.get(indexes.get(target) ?? -1) ?? [];
    };
  }

  /** What lies round a target, in any order. */
  #reader(layout: CollectionLayout): Reader {
    const { request } = this;
    const isIndexed = hasPositions(layout);
    const bounds = planMatch(this.#filter);
    const mayBeIrregular = isIndexed && hasIrregular(this.database, layout);
    const matches = this.#matches;
    const database = this.database;
    const accessOf = (region: Bounds): Access => {
      const [access] = accessesFor(region, layout);
      if (request.radius <= SMALL && access !== undefined && request.hint === undefined) {
        return mayBeIrregular ? access : { ...access, scans: access.scans.filter(isRange) };
      }
      const wanted = { bounds: { kind: "and", parts: [region, bounds] } as const, hint: request.hint };
      return planAccess(database, layout, wanted).access;
    };
    return function* (target) {
      const near = nearQueryOf(target, request);
      for (const found of scanDocuments(database, layout, accessOf(planNear(near, POSITION_PATH)))) {
        if (found === undefined) {
          yield undefined;
          continue;
        }
        const distance = distanceWithin(near, found.document);
        if (distance !== undefined && matches(found.document)) yield { ...found, distance };
      }
    };
  }

  /** The documents of one target in the order asked for, cut to the page asked for. */
  *#answer(found: Generator<(Found & Near) | undefined>): Generator<Near | undefined> {
    const { sort, nearestFirst, skip = 0 } = this.request;
    const limit = (this.request.limit ?? 0) === 0 ? Number.POSITIVE_INFINITY : (this.request.limit ?? 0);
    const distances = new WeakMap<Document, number>();
    const order = sort !== undefined ? orderOf(sort) : nearestFirst ? nearestOrder(distances) : undefined;
    const noted = noting(found, distances);
    const ordered = order === undefined ? documentsOf(noted) : new Sorter(order, skip + limit).sort(noted);
    let index = 0;
    for (const document of ordered) {
      if (document === undefined) yield undefined;
      else if (index++ >= skip) yield { document, distance: distances.get(document) ?? 0 };
      if (index >= skip + limit) return;
    }
  }
}

function nearestOrder(distances: WeakMap<Document, number>): Order<unknown> {
  const order: Order<number> = {
    keyOf: (document) => distances.get(document) ?? 0,
    compare: (a, b) => a - b,
  };
  return order as Order<unknown>;
}

function* noting(
  found: Iterable<(Found & Near) | undefined>,
  distances: WeakMap<Document, number>,
): Generator<Found | undefined> {
  for (const item of found) {
    if (item !== undefined) distances.set(item.document, item.distance);
    yield item;
  }
}

function* documentsOf(found: Iterable<Found | undefined>): Generator<Document | undefined> {
  for (const item of found) yield item?.document;
}

function hasPositions(layout: CollectionLayout): boolean {
  return layout.columns.some(({ path, kind }) => path === POSITION_PATH && kind === "position");
}

/** Whether documents have positions that the index cannot order. */
function hasIrregular(database: Database, layout: CollectionLayout): boolean {
  const column = layout.columns.findIndex(({ path, kind }) => path === POSITION_PATH && kind === "position");
  const found = database.query(`SELECT 1 FROM c${layout.id} WHERE k${column} = ? LIMIT 1`).get(IRREGULAR);
  return found !== null;
}

const isRange = (scan: { readonly kind: string }) => scan.kind === "range";
