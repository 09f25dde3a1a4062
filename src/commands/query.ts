/** `kowalski query`: one query from the command line, of the data folder or of a running server. */
import { readFileSync } from "node:fs";
import { operator, queryPieces, readLiteral, toHttpError } from "../api/index.ts";
import { type Document, isDocument, printJson, setField } from "../query/index.ts";
import { dataValues, prettyJson } from "./answer.ts";
import { type CommandContext, defineCommand, type OptionValues } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED, UsageError } from "./errors.ts";
import { openConfiguredStore } from "./open-store.ts";

const options = {
  filter: { type: "text", value: "FILTER", help: "which documents: JSON or a Python literal (default: all)" },
  projection: {
    type: "text",
    value: "FIELDS",
    help: 'which fields of them, e.g. \'{"candid": 1, "_id": 0}\'',
  },
  pipeline: { type: "text", value: "STAGES", help: "the stages of an aggregate" },
  sort: { type: "text", value: "KEYS", help: "order, e.g. '{\"candidate.jd\": -1}'" },
  limit: { type: "integer", value: "N", min: 0, help: "at most so many documents" },
  skip: { type: "integer", value: "N", min: 0, help: "leave so many out" },
  hint: { type: "text", value: "INDEX", help: "name of the index to use" },
  catalog: { type: "text", value: "NAME", help: "the catalogue that an info command asks about" },
  radec: {
    type: "text",
    value: "RADEC",
    help: 'positions of cone_search, near and coordinates: "ra dec" in degrees or sexagesimal, a list or an object of pairs',
  },
  radius: {
    type: "number",
    value: "ARCSEC",
    min: 0,
    help: "how far cone_search and near look, arcsec (default: 2)",
  },
  frame: {
    type: "text",
    value: "FRAME",
    help: "frame of --radec for coordinates: equatorial, galactic or ecliptic",
  },
  from: { type: "text", value: "RADEC", help: "a position from which coordinates tells the separation" },
  distance: { type: "flag", help: "add each document's distance, with cone_search and near" },
  "max-time-ms": { type: "integer", value: "MS", min: 1, help: "milliseconds after which it is given up" },
  explain: {
    type: "flag",
    help: "tell the index and the documents examined instead of the answer, of find and aggregate",
  },
  url: { type: "text", value: "URL", help: "ask this server instead of the data folder" },
  "token-file": {
    type: "text",
    value: "FILE",
    help: "file with a token for that server (default: log in as the administrator of the secrets)",
  },
} as const;

/** How far cones look when they are not told, arcsec. */
const DEFAULT_RADIUS = 2;

type Context = CommandContext<typeof options>;

export const command = defineCommand({
  name: "query",
  summary: "run a query and print its answer",
  description:
    "Runs what POST /api/queries runs, with the same meaning and the same words when something is wrong: on the " +
    "data folder, also beside a running server, or with --url on a server anywhere. QUERY is a type such as find, " +
    "followed by the name of a catalogue (or of an info command); or the whole request as JSON, - for standard " +
    "input, @FILE for a file.\n\n" +
    "Prints each document of the answer as JSON for people, or with --json on a line of its own; integers keep all " +
    "their digits. Types: find, find_one, aggregate, count_documents, estimated_document_count, cone_search, near, " +
    "skymap, coordinates, info and what else /docs lists. With coordinates the positions stand in the place of NAME.",
  positionals: [
    { name: "QUERY", help: "a query type; or a request as JSON, - or @FILE" },
    {
      name: "NAME",
      help: "the catalogue, e.g. ZTF_alerts; for info: its command; for coordinates: positions",
      optional: true,
    },
  ],
  options,
  examples: [
    { line: "kowalski query info catalog_names", help: "which catalogues there are" },
    {
      line: `kowalski query find ZTF_alerts --filter '{"candidate.drb": {"$gt": 0.9}}' --limit 3 --sort '{"candidate.jd": -1}'`,
      help: "the last three alerts with a high score",
    },
    {
      line: `kowalski query aggregate ZTF_alerts --pipeline '[{"$group": {"_id": "$objectId", "n": {"$sum": 1}}}]' --json`,
      help: "alerts per object, a line each",
    },
    {
      line: 'kowalski query cone_search ZTF_alerts --radec "71.6577756 -10.2263957" --radius 2',
      help: "the alerts within 2 arcsec of a position",
    },
    {
      line: 'kowalski query coordinates "04:46:37.87 -10:13:35.0"',
      help: "a position in degrees and other frames",
    },
    {
      line: "kowalski query @query.json --url https://alerts.example.org --token-file token",
      help: "a whole request, on a server",
    },
  ],
  async run(context) {
    const body = requestOf(context);
    const { url } = context.options;
    return url === undefined ? askFolder(context, body) : print(context, await askServer(context, url, body));
  },
});

/** The body of `POST /api/queries` that the words of the command line mean. */
function requestOf({ args, options: given }: Context): Document {
  const [first = "", name] = args;
  if (/^\s*\{/.test(first) || first === "-" || first.startsWith("@")) {
    if (name !== undefined) throw new UsageError(`${name}: one word too many behind a whole request`);
    return wholeRequest(first);
  }
  const kwargs = kwargsOf(given);
  if (first === "cone_search" || first === "near") {
    return { query_type: first, query: coneQuery(first, name, given), kwargs };
  }
  if (first === "coordinates") return { query_type: first, query: coordinatesQuery(name, given), kwargs };
  const query: Document = {};
  if (first === "info") setField(query, "command", name ?? "catalog_names");
  else if (name !== undefined) setField(query, "catalog", name);
  if (given.catalog !== undefined) setField(query, "catalog", given.catalog);
  if (/^(find|find_one|count_documents)$/.test(first)) setField(query, "filter", "{}");
  for (const field of ["filter", "projection", "pipeline"] as const) {
    if (given[field] !== undefined) setField(query, field, given[field]);
  }
  return { query_type: first, query, kwargs };
}

type Given = OptionValues<typeof options>;

function coneQuery(type: "cone_search" | "near", name: string | undefined, given: Given): Document {
  const catalog = name ?? given.catalog;
  if (catalog === undefined) throw new UsageError(`${type}: give the name of a catalogue, e.g. ZTF_alerts`);
  if (given.radec === undefined) throw new UsageError(`${type}: give --radec, e.g. --radec "71.66 -10.23"`);
  const { radec, radius = DEFAULT_RADIUS, filter, projection } = given;
  const wanted: Document = {};
  if (filter !== undefined) setField(wanted, "filter", filter);
  if (projection !== undefined) setField(wanted, "projection", projection);
  const catalogs = { [catalog]: wanted };
  if (type === "near") return { radec, max_distance: radius, distance_units: "arcsec", catalogs };
  const object_coordinates = { radec, cone_search_radius: radius, cone_search_unit: "arcsec" };
  return { object_coordinates, catalogs };
}

function coordinatesQuery(name: string | undefined, { radec, frame, from }: Given): Document {
  const positions = name ?? radec;
  if (positions === undefined) throw new UsageError('coordinates: give positions, e.g. "71.66 -10.23"');
  return {
    radec: positions,
    ...(frame === undefined ? {} : { frame }),
    ...(from === undefined ? {} : { from }),
  };
}

function wholeRequest(given: string): Document {
  let text = given;
  if (given === "-") text = readFileSync(0, "utf8");
  else if (given.startsWith("@")) text = readFileSync(given.slice(1), "utf8");
  const body = readLiteral(text, "QUERY");
  if (isDocument(body)) return body;
  throw new UsageError("QUERY: expected an object with query_type, query and kwargs");
}

function kwargsOf(given: OptionValues<typeof options>): Document {
  const kwargs: Document = {};
  for (const [name, value] of Object.entries({
    limit: given.limit,
    skip: given.skip,
    sort: given.sort,
    hint: given.hint,
    max_time_ms: given["max-time-ms"],
    explain: given.explain ? true : undefined,
    distance: given.distance ? true : undefined,
  })) {
    if (value !== undefined) setField(kwargs, name, value);
  }
  return kwargs;
}

/** Whoever may read the files of the folder may see all that is in them. */
async function askFolder(context: Context, body: Document): Promise<number> {
  const { config } = context.loadConfig();
  const store = await openConfiguredStore(config);
  try {
    const user = operator(config.server.admin_username);
    return await print(context, queryPieces(body, { store, user, maxTimeMs: config.queries.max_time_ms }));
  } catch (error) {
    // In the words of the API, without what it adds for its own log.
    const known = toHttpError(error);
    if (known === undefined || known.status === 503) throw error;
    throw new CommandError(known.message);
  } finally {
    await store.close();
  }
}

async function askServer(context: Context, url: string, body: Document): Promise<AsyncIterable<string>> {
  if (!/^https?:\/\//.test(url)) throw new UsageError("--url: expected an http:// or https:// address");
  const token = await tokenFor(context, url);
  const answer = await post(new URL("/api/queries", url), printJson(body), context.signal, token);
  return textPieces(answer.body ?? new ReadableStream<Uint8Array>());
}

async function* textPieces(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const bytes of body) yield decoder.decode(bytes, { stream: true });
}

async function tokenFor(context: Context, url: string): Promise<string> {
  const file = context.options["token-file"];
  if (file !== undefined) return readFileSync(file, "utf8").trim();
  const { admin_username: username, admin_password: password } = context.loadConfig().config.server;
  if (password === "")
    throw new CommandError("there is no administrator's password in the secrets: give --token-file");
  const login = printJson({ username, password });
  const answer = await post(new URL("/api/auth", url), login, context.signal);
  const { token } = (await answer.json()) as { token?: string };
  if (token === undefined) throw new CommandError(`${url}: the login gave no token`);
  return token;
}

/** Posts JSON; throws `CommandError` with the server's own words when it refuses. */
async function post(url: URL, body: string, signal: AbortSignal, token?: string): Promise<Response> {
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  let answer: Response;
  try {
    answer = await fetch(url, { method: "POST", headers, body, signal });
  } catch (error) {
    throw new CommandError(`${url}: no answer: ${error instanceof Error ? error.message : error}`);
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  const message = /^\{/.test(text) ? (JSON.parse(text) as { message?: string }).message : undefined;
  throw new CommandError(message ?? `${url}: answered ${answer.status} ${answer.statusText}`);
}

/** Prints the values of an answer as they come; resolves with the exit code. */
async function print({ output, signal }: Context, pieces: AsyncIterable<string>): Promise<number> {
  for await (const text of dataValues(pieces)) {
    if (signal.aborted) return EXIT_FAILED;
    output.raw(`${output.isJson ? text : prettyJson(text)}\n`);
    await output.drained();
  }
  return EXIT_DONE;
}
