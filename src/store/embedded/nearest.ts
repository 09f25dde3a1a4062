/** What is nearest to a place: by looking farther and farther out, until enough is found. */
import type { Database } from "bun:sqlite";
import {
  type Bounds,
  type Document,
  EARTH_RADIUS,
  type NearestSearch,
  type NearQuery,
  nearestAt,
  planNear,
} from "../../query/index.ts";
import { type Access, accessesFor, columnFor, EVERYTHING, type Scan } from "./access.ts";
import { estimatedCount } from "./describe.ts";
import type { Running } from "./find.ts";
import { IRREGULAR } from "./index-values.ts";
import type { CollectionLayout } from "./layout.ts";
import type { Plan } from "./planner.ts";
import { type Found, scanDocuments } from "./scan.ts";
import { type Order, Sorter } from "./sorter.ts";

/** Radians: how far a first look for one reaches, about a cell of the index. */
const FIRST_REACH = 1e-4;
/** When rings have given more than this share of all rows, the rest is read at once. */
const MOST_READ_SHARE = 0.25;

/**
 * The index by which a search goes outward; undefined when reading the access of the plan serves as well: there is
 * no such index, all are asked for, or other conditions narrow the rows down.
 */
export function outwardIndex(
  { path, most }: Pick<NearestSearch, "path" | "most">,
  { access }: Plan,
  bounds: Bounds,
  layout: CollectionLayout,
): string | undefined {
  const index = columnFor(path, "position", layout)?.index;
  if (index === undefined || !Number.isFinite(most)) return undefined;
  const isOwn = access.index === index && regionsIn(bounds) === 1;
  return access === EVERYTHING || isOwn ? index : undefined;
}

function regionsIn(bounds: Bounds): number {
  if (bounds.kind === "region") return 1;
  return "parts" in bounds ? bounds.parts.reduce((sum, part) => sum + regionsIn(part), 0) : 0;
}

/**
 * Yields the documents of a search, nearest first and equally near ones in the order of the table, as reading the
 * whole `access` and sorting would; `examined` is called for each row that was read.
 */
export function* nearestFirst(
  database: Database,
  layout: CollectionLayout,
  search: NearestSearch,
  access: Access,
  examined: () => void,
): Running {
  const { near, path } = search;
  const mostRead = MOST_READ_SHARE * estimatedCount(database, layout.name);
  let read = 0;
  const scan = function* (of: Access): Generator<Found | undefined> {
    for (const found of scanDocuments(database, layout, of)) {
      if (found !== undefined) {
        read++;
        examined();
      }
      yield found;
    }
  };
  const sorter = new RangeSorter(search);
  // What the index does not order may be anywhere: it is read once, before all.
  const column = columnFor(path, "position", layout)?.name;
  const apart: Access = { ...access, scans: column === undefined ? [] : [irregularOf(column)] };
  const strays: Found[] = [];
  for (const found of sorter.sorted(scan(apart), search.most, [near.min, Number.POSITIVE_INFINITY])) {
    if (found === undefined) yield undefined;
    else strays.push(found);
  }
  let left = search.most;
  let inner = near.min;
  // Rows are not spread evenly over the sky: how far to look shows on the way.
  let reach = Math.max(FIRST_REACH * Math.sqrt(search.most), near.min / perRadian(near) / 4);
  while (left > 0) {
    const before = read;
    const outer = Math.min(near.max, Math.hypot(near.min, reach * perRadian(near)));
    const ring = read > mostRead ? undefined : ringOf(search, inner, outer, layout);
    const isLast = ring === undefined || outer >= near.max;
    const found = ring === undefined ? scan(access) : inTurn(strays, scan(ring));
    for (const item of sorter.sorted(found, left, [inner, isLast ? Number.POSITIVE_INFINITY : outer])) {
      if (item !== undefined) left--;
      yield item?.document;
    }
    if (isLast) return;
    inner = outer;
    reach *= read === before ? 4 : 2;
  }
}

/** The rows between two distances, without what the index does not order; undefined when a scan serves better. */
function ringOf(
  { near, path }: NearestSearch,
  min: number,
  max: number,
  layout: CollectionLayout,
): Access | undefined {
  const [access] = accessesFor(planNear({ ...near, min, max }, path), layout);
  if (access === undefined) return undefined;
  const scans = access.scans.filter((scan) => !(scan.kind === "point" && scan.value === IRREGULAR));
  return { ...access, scans };
}

const irregularOf = (column: string): Scan => ({ kind: "point", column, value: IRREGULAR });

function* inTurn<T>(first: Iterable<T>, second: Iterable<T>): Generator<T> {
  yield* first;
  yield* second;
}

/** The unit of a search's distances; on the plane of coordinates no point is farther by angle than by distance. */
function perRadian({ metric }: NearQuery): number {
  return metric === "meters" ? EARTH_RADIUS : metric === "radians" ? 1 : 180 / Math.PI;
}

interface Place {
  readonly distance: number;
  readonly found: Found;
}

/** Puts what a search finds in order. */
class RangeSorter {
  readonly #places = new WeakMap<Document, Place>();
  readonly #order: Order<Place | undefined> = {
    keyOf: (document) => this.#places.get(document),
    compare: (a, b) => (a === undefined || b === undefined ? 0 : compare(a, b)),
  };

  constructor(readonly search: NearestSearch) {}

  /** The nearest `most` that pass and whose distance is from `from` to below `to`, in order. */
  *sorted(
    found: Iterable<Found | undefined>,
    most: number,
    range: readonly [from: number, to: number],
  ): Generator<Found | undefined> {
    const sorter = new Sorter(this.#order, most);
    for (const document of sorter.sort(this.#within(found, range))) {
      yield document === undefined ? undefined : this.#places.get(document)?.found;
    }
  }

  *#within(
    found: Iterable<Found | undefined>,
    [from, to]: readonly [number, number],
  ): Generator<Found | undefined> {
    const { near, parts, passes } = this.search;
    for (const item of found) {
      if (item === undefined) {
        yield undefined;
        continue;
      }
      const distance = nearestAt(near, item.document, parts)?.distance;
      if (distance === undefined || !(distance >= from && distance < to) || !passes(item.document)) continue;
      this.#places.set(item.document, { distance, found: item });
      yield item;
    }
  }
}

function compare(a: Place, b: Place): number {
  if (a.distance !== b.distance) return a.distance - b.distance;
  return a.found.n < b.found.n ? -1 : 1;
}
