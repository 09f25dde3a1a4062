/** Searches round many positions on the server: many small ones share a query, wide ones have one each. */
import type { Db } from "mongodb";
import {
  compileMatchNode,
  compileProjection,
  type Document,
  parseMatch,
  printJson,
  QueryError,
  sortDocuments,
} from "../../query/index.ts";
import { RADIANS_PER_DEGREE } from "../../sky/index.ts";
import { POSITION_PATH } from "../catalog-reader.ts";
import {
  type ConesRequest,
  type ConeTarget,
  distanceWithin,
  nearQueryOf,
  TargetRows,
  withDistance,
} from "../cones.ts";
import type { FindRequest } from "../store.ts";
import { CursorStream, findCursor } from "./find.ts";

/** Cones up to this radius share queries, degrees. */
const SMALL = 0.05;
/** The server's work for a condition of many cones grows with the square of their number. */
const TARGETS_PER_QUERY = 10;
/** The server computes distances in another order of operations: what it lets through is looked at again. */
const MARGIN = 1e-9;
/** Documents that one query of several targets may bring. */
const MOST_DOCUMENTS = 200_000;

/** A document with its distance, radians. */
interface Near {
  readonly document: Document;
  readonly distance: number;
}

/** The members of the answer as JSON text in pieces. Throws `QueryError`. */
export async function* searchCones(db: Db, request: ConesRequest): AsyncGenerator<string> {
  const filter = parseMatch(request.filter, "filter");
  compileMatchNode(filter);
  const { projection } = request;
  const project = projection === undefined ? undefined : compileProjection(projection, { filter });
  const until = performance.now() + request.maxTimeMs;
  const shown = ({ document, distance }: Near) => {
    const projected = project === undefined ? document : project(document);
    return printJson(request.withDistance === true ? withDistance(projected, distance) : projected);
  };
  const perQuery = request.radius <= SMALL ? TARGETS_PER_QUERY : 1;
  let before = "";
  for (let from = 0; from < request.targets.length; from += perQuery) {
    const targets = request.targets.slice(from, from + perQuery);
    const maxTimeMs = Math.ceil(until - performance.now());
    if (maxTimeMs <= 0) throw late(request);
    const timed = { ...request, maxTimeMs };
    for await (const [target, found] of perQuery === 1
      ? alone(db, timed, targets)
      : together(db, timed, targets)) {
      yield `${before}${JSON.stringify(target.key)}:[`;
      let separator = "";
      for await (const near of found) {
        yield separator + shown(near);
        separator = ",";
      }
      before = "],";
    }
  }
  if (before !== "") yield "]";
}

const late = ({ maxTimeMs }: ConesRequest) =>
  new QueryError("deadline", "", `took longer than its time limit of ${maxTimeMs} ms`);

type Answers = AsyncGenerator<[ConeTarget, AsyncIterable<Near> | Iterable<Near>]>;

/** One query for all targets; their documents are told apart here. */
async function* together(db: Db, request: ConesRequest, targets: readonly ConeTarget[]): Answers {
  const found = targets.map((): Near[] => []);
  const nearby = targets.map((target) => nearQueryOf(target, request));
  const rows = new TargetRows(targets, request.radius);
  const { filter } = request;
  const anywhere = { $or: targets.map((target) => ({ $and: [within(target, request), filter] })) };
  let documents = 0;
  for await (const document of new CursorStream(() =>
    findCursor(db, findRequest(request, anywhere), true),
  ).documents()) {
    if (++documents > MOST_DOCUMENTS) {
      throw new QueryError(
        "limit",
        "",
        `more than ${MOST_DOCUMENTS} documents round ${targets.length} positions: ask for fewer, or for a smaller radius`,
      );
    }
    for (const index of rows.near(document)) {
      const near = nearby[index];
      const distance = near === undefined ? undefined : distanceWithin(near, document);
      if (distance !== undefined) found[index]?.push({ document, distance });
    }
  }
  for (const [index, target] of targets.entries()) yield [target, page(request, found[index] ?? [])];
}

/** Documents in the order asked for, cut to the page asked for. */
function page({ sort, nearestFirst, skip = 0, limit = 0 }: ConesRequest, found: Near[]): Near[] {
  let ordered = found;
  if (sort !== undefined) {
    const distances = new Map(found.map((near) => [near.document, near.distance]));
    const documents = sortDocuments([...distances.keys()], sort);
    ordered = documents.map((document) => ({ document, distance: distances.get(document) ?? 0 }));
  } else if (nearestFirst === true) ordered.sort((a, b) => a.distance - b.distance);
  return ordered.slice(skip, limit === 0 ? undefined : skip + limit);
}

/** A query for each target, which the server sorts. */
async function* alone(db: Db, request: ConesRequest, targets: readonly ConeTarget[]): Answers {
  for (const target of targets) yield [target, matching(db, request, target)];
}

async function* matching(db: Db, request: ConesRequest, target: ConeTarget): AsyncGenerator<Near> {
  const { filter, sort, nearestFirst, skip = 0, limit = 0 } = request;
  const isNear = nearestFirst === true && sort === undefined;
  const place = isNear ? outward(target, request) : within(target, request);
  const asked = {
    ...findRequest(request, { ...place, $and: [filter] }),
    ...(sort === undefined ? {} : { sort }),
  };
  const near = nearQueryOf(target, request);
  let index = 0;
  for await (const document of new CursorStream(() => findCursor(db, asked, true)).documents()) {
    const distance = distanceWithin(near, document);
    if (distance === undefined) continue;
    if (index++ >= skip) yield { document, distance };
    if (limit > 0 && index >= skip + limit) return;
  }
}

function within({ longitude, latitude }: ConeTarget, { radius }: ConesRequest): Document {
  if (radius >= 180) return { [POSITION_PATH]: { $exists: true } };
  const angle = radius * RADIANS_PER_DEGREE + MARGIN;
  return { [POSITION_PATH]: { $geoWithin: { $centerSphere: [[longitude, latitude], angle] } } };
}

/** Nearest first. */
function outward({ longitude, latitude }: ConeTarget, { radius, minRadius = 0 }: ConesRequest): Document {
  const $maxDistance = Math.min(Math.PI, radius * RADIANS_PER_DEGREE + MARGIN);
  const $minDistance = Math.max(0, minRadius * RADIANS_PER_DEGREE - MARGIN);
  return { [POSITION_PATH]: { $nearSphere: [longitude, latitude], $minDistance, $maxDistance } };
}

function findRequest(request: ConesRequest, filter: Document): FindRequest {
  const { collection, hint, maxTimeMs, comment, projection, sort } = request;
  // Where documents are sorted here, the fields to sort by must come.
  const server = projection === undefined || sort !== undefined ? undefined : withPosition(projection);
  return {
    collection,
    filter,
    maxTimeMs,
    ...(server === undefined ? {} : { projection: server }),
    ...(hint === undefined ? {} : { hint }),
    ...(comment === undefined ? {} : { comment }),
  };
}

/**
 * What the server shall leave out already: of a projection that only names fields, all others but the position.
 * Undefined for other projections, which are done here.
 */
function withPosition(projection: Document): Document | undefined {
  const fields = Object.entries(projection).filter(([name]) => name !== "_id");
  const isPlain = fields.every(([name, value]) => (value === 1 || value === true) && !name.includes("$"));
  const clashes = fields.some(
    ([name]) => POSITION_PATH.startsWith(`${name}.`) || name.startsWith(POSITION_PATH),
  );
  if (!isPlain || fields.length === 0 || clashes) return undefined;
  return { ...projection, [POSITION_PATH]: 1 };
}
