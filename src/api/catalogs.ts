/** `/api/catalogs`: which catalogues there are and what is in them; administrators load, index and remove them. */
import { basename, isAbsolute, relative, resolve } from "node:path";
import { Elysia } from "elysia";
import {
  type CatalogDescription,
  type CatalogJob,
  type CatalogSpec,
  checkIndexFields,
  checkName,
  completeSpec,
  describeCatalog,
  type LoadState,
  listCatalogs,
  PRESETS,
  parseColumns,
  parseDelimiter,
  parseUnits,
  SpecError,
} from "../catalogs/index.ts";
import { type Document, toNumber, type Value } from "../query/index.ts";
import { isHidden, SYSTEM_COLLECTIONS } from "../store/index.ts";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { badRequest, HttpError, notFound } from "./errors.ts";
import type { User } from "./identity.ts";
import { jsonBody } from "./openapi.ts";
import { visibleFilter } from "./visibility.ts";

const MAX_BAD_ROWS = 1000;
const MAX_TIME_MS = 60_000;
const TEXT = { type: "string" } as const;
const TEXTS = { type: "array", items: TEXT } as const;

/** What may be said of a load. */
const LOAD_FIELDS = {
  files: { ...TEXTS, description: "Names of files in the folder `catalogs.folder` of the server." },
  mode: { type: "string", enum: ["new", "replace", "append"], default: "new" },
  preset: { type: "string", enum: PRESETS.map(({ name }) => name) },
  ra: TEXT,
  dec: TEXT,
  units: { ...TEXT, example: "hours,deg" },
  id: TEXT,
  columns: { ...TEXTS, example: ["ra", "dec", "name:string"] },
  nulls: TEXTS,
  delimiter: TEXT,
  header: TEXTS,
  hdu: { type: "integer", minimum: 1 },
  indexes: { type: "array", items: TEXTS },
  max_bad_rows: { type: "integer", minimum: 0, default: MAX_BAD_ROWS },
};

export const catalogs = (api: ApiContext) =>
  new Elysia({ prefix: "/api/catalogs", detail: { tags: ["catalogs"] } })
    .get("", ({ request }) => list(api, request), {
      detail: {
        summary: "List the catalogues",
        description: "Those that were loaded from files, with their rows and when they were loaded.",
      },
    })
    .get("/:name", ({ request, params }) => describe(api, request, params.name), {
      detail: {
        summary: "Describe a catalogue",
        description:
          "Rows, bytes, fields and indexes; where it came from; for administrators also the last `job` on it.",
      },
    })
    .post("/:name", ({ request, params }) => load(api, request, params.name), {
      detail: {
        summary: "Load files into a catalogue",
        description:
          "Answers 202 at once: GET tells how far it is. A load that was interrupted goes on when the same is asked again. For administrators.",
        requestBody: jsonBody(LOAD_FIELDS, ["files"]),
      },
    })
    .post("/:name/indexes", ({ request, params }) => index(api, request, params.name), {
      detail: {
        summary: "Make an index of a catalogue",
        description: "Of `fields`, the most significant first. Answers 202 at once. For administrators.",
        requestBody: jsonBody({ fields: TEXTS }, ["fields"]),
      },
    })
    .delete("/:name", ({ request, params }) => drop(api, request, params.name), {
      detail: { summary: "Remove a catalogue", description: "For administrators." },
    });

async function list(api: ApiContext, request: Request): Promise<Response> {
  await api.identities.userOf(request);
  const found = await listCatalogs(api.store);
  const rows = await Promise.all(found.map(({ _id }) => api.store.estimatedCount(String(_id))));
  return success(
    "catalogues",
    found.map(({ _id, bad_rows, files, loaded_at }, i) => ({
      name: String(_id),
      rows: whole(rows[i] ?? 0),
      bad_rows: toNumber(bad_rows) ?? 0,
      files: namesOf(files),
      loaded_at,
    })),
  );
}

/** Paths are of no concern to users. */
function namesOf(files: Value | undefined): string[] {
  return Array.isArray(files) ? files.map((file) => basename(String(file))) : [];
}

async function describe(api: ApiContext, request: Request, name: string): Promise<Response> {
  const user = await api.identities.userOf(request);
  const job = user.isAdministrator ? api.catalogs.jobs.find(name) : undefined;
  const found = isClosed(name) ? undefined : await visibleDescription(api, user, name);
  if (found === undefined && job === undefined) throw notFound(`there is no catalogue ${name}`);
  return success("catalogue", {
    ...(found === undefined ? { name } : told(found)),
    ...(job === undefined ? {} : { job: toldJob(job) }),
  });
}

/** Counts tell nobody of alerts that they may not see. */
async function visibleDescription({ store }: ApiContext, user: User, name: string) {
  const filter = visibleFilter(user, name, {});
  const found = await describeCatalog(store, name, filter);
  if (found === undefined || Object.keys(filter).length === 0) return found;
  const documents = await store.count({ collection: name, filter, maxTimeMs: MAX_TIME_MS });
  const bytes = Math.round((found.bytes * documents) / Math.max(1, found.documents));
  return { ...found, documents, bytes };
}

function told({ loaded, documents, bytes, indexes, name, fields }: CatalogDescription): Document {
  const { _id, files, ...rest } = loaded ?? {};
  return {
    name,
    documents: whole(documents),
    bytes: whole(bytes),
    fields: [...fields],
    indexes: indexes.map(({ name: index, keys, unique }) => ({
      name: index,
      keys: keys.map((key) => [...key]),
      unique,
    })),
    loaded: loaded === undefined ? null : { ...rest, files: namesOf(files) },
  };
}

/** A number of things: an int64 where it is large. */
function whole(count: number): Value {
  return Math.abs(count) < 2 ** 31 ? count : BigInt(count);
}

function isClosed(name: string): boolean {
  return SYSTEM_COLLECTIONS.has(name) || isHidden(name);
}

function toldJob(job: CatalogJob): Document {
  const { kind, state, startedAt, finishedAt, progress, badRows, notes, totals, error } = job;
  return {
    kind,
    state,
    started_at: startedAt,
    ...(finishedAt === undefined ? {} : { finished_at: finishedAt }),
    ...(totals === undefined ? { progress: counts(progress) } : { totals: counts(totals) }),
    ...(badRows.length === 0
      ? {}
      : { bad_rows: badRows.map((row) => ({ ...row, file: basename(row.file) })) }),
    ...(notes.length === 0 ? {} : { notes: [...notes] }),
    ...(error === undefined ? {} : { error }),
  };
}

function counts(state: Partial<LoadState>): Document {
  const entries = Object.entries(state).map(([name, value]) => [
    name,
    typeof value === "number" ? whole(value) : basename(value),
  ]);
  return Object.fromEntries(entries) as Document;
}

async function load(api: ApiContext, request: Request, name: string): Promise<Response> {
  await api.identities.administratorOf(request);
  const body = await readBody(request, api.maxBodyBytes);
  const spec = specOf(body, name);
  const files = textsOf(body, "files")?.map((file) => inFolder(api.catalogs.folder, file)) ?? [];
  if (files.length === 0) throw badRequest("files: expected a list of names");
  const mode = body["mode"] ?? "new";
  if (mode !== "new" && mode !== "replace" && mode !== "append") {
    throw badRequest("mode: expected new, replace or append");
  }
  const maxBadRows = wholeOf(body, "max_bad_rows", 0) ?? MAX_BAD_ROWS;
  if (mode === "new" && (await api.store.describeCollection(name)) !== undefined) {
    throw new HttpError(409, `there is a collection ${name} already: mode replace or append?`);
  }
  const work = { files, spec, mode: mode === "append" ? "append" : "replace", maxBadRows } as const;
  return accepted(api, name, { type: "load", request: work });
}

/** A path in the folder. Throws `HttpError` 400 for one that leads out of it. */
function inFolder(folder: string, file: string): string {
  const path = resolve(folder, file);
  const inside = relative(folder, path);
  if (inside !== "" && !inside.startsWith("..") && !isAbsolute(inside)) return path;
  throw badRequest(`files: ${file} is not in the folder of files to be loaded (catalogs.folder)`);
}

/** What `read` answers. Throws `HttpError` 400 for a `SpecError`. */
function asked<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SpecError) throw badRequest(error.message);
    throw error;
  }
}

function specOf(body: Document, name: string): CatalogSpec {
  return asked(() => {
    checkName(name);
    for (const fields of listsOf(body, "indexes") ?? []) checkIndexFields("indexes", fields);
    const [raUnit, decUnit] = parseUnits(textOf(body, "units") ?? "auto");
    const columns = textsOf(body, "columns");
    const delimiter = textOf(body, "delimiter");
    const given = {
      name,
      ...defined({ ra: textOf(body, "ra"), dec: textOf(body, "dec"), id: textOf(body, "id") }),
      ...defined({ preset: presetOf(body), hdu: wholeOf(body, "hdu", 1) }),
      ...defined({ header: textsOf(body, "header"), nulls: textsOf(body, "nulls") }),
      ...defined({ indexes: listsOf(body, "indexes") }),
      ...(columns === undefined ? {} : parseColumns(columns)),
      ...(delimiter === undefined ? {} : { delimiter: parseDelimiter(delimiter) }),
      ...(body["units"] === undefined ? {} : { raUnit, decUnit }),
    };
    const spec = completeSpec(given);
    if (spec === undefined) throw badRequest("missing name");
    return spec;
  });
}

/** The entries that have a value. */
function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never;
}

function presetOf(body: Document): string | undefined {
  const preset = textOf(body, "preset");
  if (preset === undefined || PRESETS.some(({ name }) => name === preset)) return preset;
  throw badRequest(`preset: expected one of ${PRESETS.map(({ name }) => name).join(", ")}`);
}

function textOf(body: Document, field: string): string | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw badRequest(`${field}: expected a text`);
}

function textsOf(body: Document, field: string): string[] | undefined {
  const value = body[field] ?? undefined;
  return value === undefined ? undefined : asTexts(value, field);
}

function asTexts(value: Value, field: string): string[] {
  const isTexts = Array.isArray(value) && value.every((item) => typeof item === "string");
  if (!isTexts) throw badRequest(`${field}: expected a list of texts`);
  return value.map(String);
}

function listsOf(body: Document, field: string): string[][] | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw badRequest(`${field}: expected a list of lists of texts`);
  return value.map((item) => asTexts(item, field));
}

function wholeOf(body: Document, field: string, least: number): number | undefined {
  const value = body[field] ?? undefined;
  if (value === undefined) return undefined;
  const number = toNumber(value);
  if (number !== undefined && Number.isSafeInteger(number) && number >= least) return number;
  throw badRequest(`${field}: expected a whole number from ${least} on`);
}

async function index(api: ApiContext, request: Request, name: string): Promise<Response> {
  await api.identities.administratorOf(request);
  const fields = textsOf(await readBody(request, api.maxBodyBytes), "fields") ?? [];
  asked(() => checkIndexFields("fields", fields));
  await knownCatalog(api, name);
  return accepted(api, name, { type: "index", name, fields });
}

/** Throws `HttpError` 404 for what was not loaded as a catalogue. */
async function knownCatalog(api: ApiContext, name: string): Promise<void> {
  const found = await listCatalogs(api.store);
  if (!found.some(({ _id }) => _id === name)) throw notFound(`there is no catalogue ${name}`);
}

function accepted(
  api: ApiContext,
  name: string,
  work: Parameters<typeof api.catalogs.jobs.start>[1],
): Response {
  const { job } = begin(api, name, work);
  const answer = success(`begun: GET /api/catalogs/${name} tells how far it is`, toldJob(job));
  return new Response(answer.body, { status: 202, headers: answer.headers });
}

function begin(api: ApiContext, name: string, work: Parameters<typeof api.catalogs.jobs.start>[1]) {
  if (api.catalogs.jobs.isRunning(name)) throw new HttpError(409, `there is work on ${name} already`);
  const begun = api.catalogs.jobs.start(name, work);
  begun.done.then(
    () => api.log.info({ catalog: name, work: work.type, ...begun.job.totals }, "a catalogue was changed"),
    (error: unknown) =>
      api.log.warn({ catalog: name, work: work.type, err: error }, "work on a catalogue failed"),
  );
  return begun;
}

async function drop(api: ApiContext, request: Request, name: string): Promise<Response> {
  await api.identities.administratorOf(request);
  await knownCatalog(api, name);
  await begin(api, name, { type: "drop", name }).done;
  return success(`removed ${name}`);
}
