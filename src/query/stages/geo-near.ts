/** `$geoNear`: the documents round a position, nearest first. */
import { QueryError } from "../errors.ts";
import { isGeoJson, type NearQuery, nearestAt, readNear } from "../match/index.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { planMatch, planNear } from "../plan.ts";
import { type Document, double, getField, toNumber, truthy, type Value } from "../values.ts";
import { readOptions, readPlainPath } from "./arguments.ts";
import { compileFilterTest, readFilter } from "./match.ts";
import { withValueAt } from "./paths.ts";
import { mostAskedFor } from "./sort.ts";

export const geoNear: StageDefinition = {
  name: "$geoNear",
  summary: "Begins a pipeline with the documents round a position, nearest first, with their distance.",
  example: {
    stage: {
      $geoNear: { near: [0, 0], spherical: true, key: "at", distanceField: "angle", maxDistance: 0.1 },
    },
    documents: [
      { _id: 1, at: [0, 0] },
      { _id: 2, at: [90, 0] },
    ],
    result: [{ _id: 1, at: [0, 0], angle: double(0) }],
  },
  place: "first",
  inFacet: false,
  parse(argument, at, reader) {
    const options = readOptions(argument, at, ["near", "distanceField"], OPTIONS);
    const filter = readFilter(getField(options, "query") ?? {}, `${at}.query`, reader);
    const how = readGeoNear(options, at);
    const matching = planMatch(filter.node);
    return {
      at,
      pipelines: [],
      plan: {
        kind: "bounds",
        bounds: matching,
        within(_variables, positionPath) {
          const path = how.key?.join(".") ?? positionPath;
          return path === undefined ? matching : { kind: "and", parts: [matching, planNear(how.near, path)] };
        },
        nearest(following, variables, positionPath) {
          const parts = how.key ?? positionPath?.split(".");
          if (parts === undefined) return undefined;
          const test = compileFilterTest(filter.node, filter.expressions);
          const passes = (document: Document) =>
            isWithin(how.near, nearestAt(how.near, document, parts)?.distance) && test(document, variables);
          return { near: how.near, path: parts.join("."), parts, most: mostAskedFor(following), passes };
        },
      },
      compile(following) {
        const test = compileFilterTest(filter.node, filter.expressions);
        const most = mostAskedFor(following);
        return { kind: "flow", run: (input, context) => nearest(input, how, test, most, context) };
      },
    };
  },
};

const OPTIONS = [
  "key",
  "query",
  "spherical",
  "minDistance",
  "maxDistance",
  "distanceMultiplier",
  "includeLocs",
  // Options of old versions, which servers accept and pass over.
  "limit",
  "num",
  "uniqueDocs",
];

interface GeoNear {
  readonly at: string;
  readonly near: NearQuery;
  readonly key: readonly string[] | undefined;
  readonly distanceField: readonly string[];
  readonly includeLocs: readonly string[] | undefined;
  readonly multiplier: number;
}

function readGeoNear(options: Document, at: string): GeoNear {
  const path = (name: string) => {
    const given = getField(options, name);
    return given === undefined ? undefined : readPlainPath(given, `${at}.${name}`);
  };
  const multiplier = toNumber(getField(options, "distanceMultiplier") ?? 1);
  if (multiplier === undefined || !(multiplier >= 0))
    throw new QueryError("invalid", `${at}.distanceMultiplier`, "needs a number that is not negative");
  return {
    at,
    near: readQuery(options, at),
    key: path("key"),
    distanceField: readPlainPath(getField(options, "distanceField"), `${at}.distanceField`),
    includeLocs: path("includeLocs"),
    multiplier,
  };
}

/** The same search as of `$nearSphere` or `$near`. */
function readQuery(options: Document, at: string): NearQuery {
  const near = getField(options, "near") ?? null;
  const spherical = truthy(getField(options, "spherical"));
  const limits: Document = {};
  for (const [option, name] of [
    ["minDistance", "$minDistance"],
    ["maxDistance", "$maxDistance"],
  ] as const) {
    const given = getField(options, option);
    if (given !== undefined) limits[name] = given;
  }
  const operator = spherical || isGeoJson(near) ? "$nearSphere" : "$near";
  return readNear(operator, { [operator]: near, ...limits }, at);
}

function isWithin({ min, max }: NearQuery, distance: number | undefined): boolean {
  return distance !== undefined && distance >= min && distance <= max;
}

interface Kept {
  readonly document: Document;
  readonly distance: number;
  readonly place: Value | undefined;
  readonly size: number;
}

function* nearest(
  input: Flow,
  how: GeoNear,
  test: ReturnType<typeof compileFilterTest>,
  most: number,
  context: RunContext,
): Running {
  const key = how.key ?? context.positionPath?.split(".");
  if (key === undefined)
    throw new QueryError(
      "invalid",
      how.at,
      "needs key, the path of the position: there is no index of positions",
    );
  const account = new MemoryAccount(how.at, context);
  let kept: Kept[] = [];
  const cut = () => {
    kept.sort((a, b) => a.distance - b.distance);
    for (const { size } of kept.slice(most)) account.add(-size);
    kept = kept.slice(0, most);
  };
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const nearest = nearestAt(how.near, document, key);
    if (nearest === undefined || !isWithin(how.near, nearest.distance)) continue;
    if (!test(document, context.variables)) continue;
    const size = sizeOf(document);
    account.add(size);
    kept.push({ document, ...nearest, size });
    if (kept.length > 2 * most + 100) cut();
  }
  cut();
  for (const { document, distance, place } of kept) {
    const output = withValueAt(document, how.distanceField, double(distance * how.multiplier));
    yield how.includeLocs === undefined ? output : withValueAt(output, how.includeLocs, place);
  }
}
