/** `cone_search` and `near`: the documents of catalogues round positions. */
import {
  compileMatchNode,
  compileProjection,
  type Document,
  isDocument,
  parseMatch,
  QueryError,
  toNumber,
  type Value,
} from "../../query/index.ts";
import { ANGLE_UNITS, type AngleUnit } from "../../sky/index.ts";
import type { ConesRequest } from "../../store/index.ts";
import { badRequest } from "../errors.ts";
import { queryFilter } from "../visibility.ts";
import { catalogsOf, readPositions } from "./radec.ts";
import {
  DONE,
  documentField,
  findOptions,
  flagOption,
  type QueryContext,
  type QueryType,
} from "./request.ts";

/** How far `near` looks when it is not told, degrees. */
const NEAR = 1 / 60;

export const coneSearch: QueryType = {
  name: "cone_search",
  summary:
    "documents within a radius of positions: `object_coordinates` {cone_search_radius, cone_search_unit: arcsec, arcmin, " +
    "deg or rad, radec} and `catalogs` {name: {filter, projection}}; `radec` is a list of [ra, dec] pairs, an object " +
    "{name: [ra, dec]}, or text; the answer is {catalog: {name: [documents]}}; `kwargs.distance` adds " +
    "`coordinates.distance_arcsec` to each",
  async run(query, kwargs, context) {
    const { object_coordinates: given } = query;
    if (!isDocument(given)) {
      throw badRequest(
        "query.object_coordinates: expected an object with radec, cone_search_radius and cone_search_unit",
      );
    }
    const path = "query.object_coordinates";
    const unit = unitOf(given["cone_search_unit"] ?? "arcsec", `${path}.cone_search_unit`);
    const radius = angleOf(given["cone_search_radius"], unit, `${path}.cone_search_radius`);
    const targets = await readPositions(given["radec"], `${path}.radec`);
    return answer({ query, kwargs, context, targets, radius, minRadius: 0, nearestFirst: false });
  },
};

export const near: QueryType = {
  name: "near",
  summary:
    "the same, nearest first, of documents from `min_distance` (0) to `max_distance` (1 arcmin) in `distance_units` " +
    "(rad) of `radec`",
  async run(query, kwargs, context) {
    const unit = unitOf(query["distance_units"] ?? "rad", "query.distance_units");
    const angle = (name: string, otherwise: number) =>
      query[name] === undefined || query[name] === null
        ? otherwise
        : angleOf(query[name], unit, `query.${name}`);
    const radius = angle("max_distance", NEAR);
    const minRadius = angle("min_distance", 0);
    if (minRadius > radius) throw badRequest("query.min_distance: expected no more than max_distance");
    const targets = await readPositions(query["radec"], "query.radec");
    return answer({ query, kwargs, context, targets, radius, minRadius, nearestFirst: true });
  },
};

interface Asked extends Required<Pick<ConesRequest, "radius" | "minRadius" | "nearestFirst">> {
  readonly query: Document;
  readonly kwargs: Document;
  readonly context: QueryContext;
  readonly targets: Awaited<ReturnType<typeof readPositions>>;
}

function answer({ query, kwargs, context, targets, radius, minRadius, nearestFirst }: Asked) {
  // Which of filter and place comes first has no effect on the answer: accepted from old clients.
  flagOption(kwargs, "filter_first");
  const options = findOptions(kwargs, context);
  const shared = {
    targets: targets.map(({ key, ra, dec }) => ({ key, longitude: ra - 180, latitude: dec })),
    radius,
    minRadius,
    nearestFirst,
    withDistance: flagOption(kwargs, "distance") ?? false,
    ...options,
  };
  // All is checked before the first document is sent.
  const requests = catalogsOf(query["catalogs"]).map(([name, wanted]): ConesRequest => {
    const path = `query.catalogs.${name}`;
    const given = documentField(wanted, "filter", path) ?? {};
    const node = parseMatch(given, `${path}.filter`);
    compileMatchNode(node);
    const projection = documentField(wanted, "projection", path);
    if (projection !== undefined) {
      compileProjection(projection, { path: `${path}.projection`, filter: node });
    }
    const filter = queryFilter(context, name, given);
    return { collection: name, filter, ...(projection === undefined ? {} : { projection }), ...shared };
  });
  return Promise.resolve({ message: DONE, text: catalogTexts(context, requests, options.maxTimeMs) });
}

/** The answer as JSON text: the catalogues one after the other, with one time limit for all. */
async function* catalogTexts(
  { store }: QueryContext,
  requests: readonly ConesRequest[],
  maxTimeMs: number,
): AsyncGenerator<string> {
  const until = performance.now() + maxTimeMs;
  let head = "{";
  for (const request of requests) {
    head += `${JSON.stringify(request.collection)}:{`;
    const left = Math.ceil(until - performance.now());
    if (left <= 0) throw new QueryError("deadline", "", `took longer than its time limit of ${maxTimeMs} ms`);
    for await (const piece of store.cones({ ...request, maxTimeMs: left })) {
      yield head + piece;
      head = "";
    }
    head += "},";
  }
  yield `${head.replace(/,$/, "")}}`;
}

function unitOf(given: Value, path: string): AngleUnit {
  if (typeof given === "string" && Object.hasOwn(ANGLE_UNITS, given)) return given as AngleUnit;
  throw badRequest(`${path}: expected one of ${Object.keys(ANGLE_UNITS).join(", ")}`);
}

/** An angle in degrees from a number, or a number as text, of a unit. */
function angleOf(given: Value | undefined, unit: AngleUnit, path: string): number {
  const number = typeof given === "string" && given.trim() !== "" ? Number(given) : toNumber(given ?? null);
  if (number === undefined || !(number >= 0)) throw badRequest(`${path}: expected a number, 0 or more`);
  return Math.min(180, number * ANGLE_UNITS[unit]);
}
