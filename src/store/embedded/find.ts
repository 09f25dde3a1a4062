/** Finds and counts documents on one connection: chooses an access, matches, sorts, cuts and projects. */
import type { Database } from "bun:sqlite";
import {
  type Bounds,
  compileMatchNode,
  compileProjection,
  type Document,
  type MatchNode,
  type NearestSearch,
  nearestAt,
  nearOf,
  parseMatch,
  planMatch,
} from "../../query/index.ts";
import { CellSet } from "../../sky/index.ts";
import { POSITION_PATH, positionOf } from "../catalog-reader.ts";
import type { CountRequest, FindExplanation, FindRequest } from "../store.ts";
import { type CollectionLayout, findLayout } from "./layout.ts";
import { nearestFirst, outwardIndex } from "./nearest.ts";
import { type Plan, planAccess, type Wanted } from "./planner.ts";
import { type Found, scanDocuments } from "./scan.ts";
import { type Order, orderOf, Sorter } from "./sorter.ts";

/** A query in progress: yields documents, and `undefined` where the thread may look after others. */
export type Running = Generator<Document | undefined, void, undefined>;

export class Finder {
  constructor(readonly database: Database) {}

  /** Runs a find; `examined` is called for each document that was looked at. */
  *find(request: FindRequest, examined: () => void = () => {}): Running {
    const node = parseMatch(request.filter, "filter");
    const cells = request.within === undefined ? undefined : CellSet.fromBytes(request.within);
    const matches = within(cells, compileMatchNode(node));
    const { projection } = request;
    const project = projection === undefined ? undefined : compileProjection(projection, { filter: node });
    const order = request.sort === undefined ? nearOrder(node) : orderOf(request.sort);
    const layout = findLayout(this.database, request.collection);
    if (layout === undefined) return;
    const { skip, limit } = pageOf(request);
    const { plan, outward } = this.#plan(request, node, cells, layout);
    if (outward !== undefined) {
      const search = { ...outward.search, passes: matches };
      const nearest = nearestFirst(this.database, layout, search, plan.access, examined);
      yield* cut(nearest, skip, limit, project);
      return;
    }
    const documents = scanDocuments(this.database, layout, plan.access, plan.direction);
    const found = matching(documents, matches, examined);
    const inOrder =
      order === undefined || plan.ordered ? documentsOf(found) : new Sorter(order, skip + limit).sort(found);
    yield* cut(inOrder, skip, limit, project);
  }

  /** Counts as `find` would yield; yields `undefined` while it runs and returns the count. */
  *count(request: CountRequest): Generator<undefined, number, undefined> {
    const { limit = 0, skip = 0 } = request;
    const layout = findLayout(this.database, request.collection);
    if (layout !== undefined && Object.keys(request.filter).length === 0) {
      const row = this.database.query<{ n: bigint }, []>(`SELECT count(*) AS n FROM c${layout.id}`).get();
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
    const layout = findLayout(this.database, request.collection);
    const cells = request.within === undefined ? undefined : CellSet.fromBytes(request.within);
    const node = parseMatch(request.filter, "filter");
    let documentsExamined = 0;
    let documentsReturned = 0;
    for (const document of this.find(request, () => documentsExamined++)) {
      if (document === undefined) yield undefined;
      else documentsReturned++;
    }
    const planned = layout === undefined ? undefined : this.#plan(request, node, cells, layout);
    const index = planned?.outward?.index ?? planned?.plan.access.index ?? null;
    return { index, documentsExamined, documentsReturned };
  }

  /** How a find reads its collection; outward from a place where the nearest few are asked for. */
  #plan(
    request: FindRequest,
    node: MatchNode,
    cells: CellSet | undefined,
    layout: CollectionLayout,
  ): { plan: Plan; outward: { index: string; search: Omit<NearestSearch, "passes"> } | undefined } {
    const bounds = boundsOf(node, cells);
    const wanted = wantedOf(request, bounds);
    const plan = planAccess(this.database, layout, wanted);
    const found = request.sort === undefined && request.hint === undefined ? nearOf(node) : undefined;
    if (found === undefined) return { plan, outward: undefined };
    const { near, field: path, parts } = found;
    const search = { near, path, parts, most: wanted.most ?? Number.POSITIVE_INFINITY };
    const index = outwardIndex(search, plan, bounds, layout);
    return { plan, outward: index === undefined ? undefined : { index, search } };
  }
}

/** What an index can use of a filter, and of the cells that positions must lie in. */
function boundsOf(node: MatchNode, cells: CellSet | undefined): Bounds {
  const bounds = planMatch(node);
  if (cells === undefined) return bounds;
  const region: Bounds = {
    kind: "region",
    path: POSITION_PATH,
    region: { kind: "cells", order: cells.order, ranges: cells.ranges },
  };
  return { kind: "and", parts: [region, bounds] };
}

function wantedOf(request: FindRequest, bounds: Bounds): Wanted {
  const { skip, limit } = pageOf(request);
  return { bounds, sort: request.sort, hint: request.hint, most: skip + limit };
}

function pageOf({ skip = 0, limit = 0 }: FindRequest): { skip: number; limit: number } {
  return { skip, limit: limit === 0 ? Number.POSITIVE_INFINITY : limit };
}

type Test = (document: Document) => boolean;

function within(cells: CellSet | undefined, matches: Test): Test {
  if (cells === undefined) return matches;
  return (document) => {
    const position = positionOf(document);
    return position !== undefined && cells.contains(position[0] + 180, position[1]) && matches(document);
  };
}

/** A near search answers nearest first. */
function nearOrder(node: MatchNode): Order<unknown> | undefined {
  const search = nearOf(node);
  if (search === undefined) return undefined;
  const order: Order<number> = {
    keyOf: (document) => nearestAt(search.near, document, search.parts)?.distance ?? Number.POSITIVE_INFINITY,
    compare: (a, b) => a - b,
  };
  return order as Order<unknown>;
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
