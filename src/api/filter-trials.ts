/** `/api/filters/test` and the like: filters tried on stored alerts, backfills, what they matched, reports. */
import { Elysia } from "elysia";
import {
  type Author,
  type FilterDocument,
  readReports,
  readSavedTry,
  readUnsavedTry,
  type TrialSummary,
  type TryRequest,
} from "../filters/index.ts";
import { type Document, parseJson, printJson, type Value } from "../query/index.ts";
import { surveys } from "../surveys/index.ts";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { badRequest, toHttpError } from "./errors.ts";
import { authorOf, filterWork, groupOf, numberOf } from "./filters.ts";

const DEFAULT_ROWS = 1000;
const MOST_ROWS = 10_000;
const DEFAULT_PAGE = 100;
const MOST_PAGE = 1000;
const MAX_TIME_MS = 30_000;
/** Who accepts this gets progress and rows as they come. */
const LINES = "application/x-ndjson";

const CHOICE = {
  object_ids: { type: "array", items: { type: "string" }, description: "At most 1000 names of objects." },
  start_date: { description: "Julian date, or a date of ISO 8601 (UTC).", example: "2023-10-12" },
  end_date: { description: "Goes with start_date.", example: 2460230.5 },
  last: { type: "integer", description: "The newest so many alerts, at most 10000." },
  max_time_ms: { type: "integer", description: "At most 300000; 30000 when left out." },
} as const;
const ROWS = {
  limit: { type: "integer", description: "Rows in the answer, at most 10000; 1000 when left out." },
};
const TRY_ANSWER =
  `Answers the rows that the pipeline makes (\`data\`) and, beside them, how many alerts it saw, passed and failed on, ` +
  `and what each stage and condition let through (\`explain\`). History that is newer than an alert is left out. ` +
  `With \`Accept: ${LINES}\` progress and rows come as lines while it runs.`;

const body = (properties: Record<string, object>, required: string[] = []) => ({
  required: true,
  content: {
    "application/json": {
      schema: { type: "object" as const, properties, ...(required.length === 0 ? {} : { required }) },
    },
  },
});

export const filterTrials = (api: ApiContext) =>
  new Elysia({ prefix: "/api/filters", detail: { tags: ["filters"] } })
    .post("/test", async ({ request }) => tryUnsaved(api, request), {
      detail: {
        summary: "Try a pipeline on stored alerts",
        description: TRY_ANSWER,
        requestBody: body(
          {
            catalog: { type: "string", example: "ZTF_alerts" },
            pipeline: { description: "The stages, as a list or as text of extended JSON." },
            permissions: { type: "array", items: { type: "integer" } },
            ...CHOICE,
            ...ROWS,
          },
          ["pipeline"],
        ),
      },
    })
    .post("/:filter_id/test", async ({ request, params }) => trySaved(api, request, params.filter_id), {
      detail: {
        summary: "Try a saved filter on stored alerts",
        description: TRY_ANSWER,
        requestBody: body({
          filter_version: {
            type: "string",
            description: "The `fid` of a version; the last one when left out.",
          },
          ...CHOICE,
          ...ROWS,
        }),
      },
    })
    .post("/:filter_id/backfill", async ({ request, params }) => fillIn(api, request, params.filter_id), {
      detail: {
        summary: "Deliver what a filter would have matched",
        description:
          "Runs the active version over stored alerts and delivers, marked as `backfill`, what was not delivered before.",
        requestBody: body(CHOICE),
      },
    })
    .get("/:filter_id/matches", async ({ request, params }) => matches(api, request, params.filter_id), {
      detail: {
        summary: "What a filter matched, newest first",
        description: `\`limit\` (at most ${MOST_PAGE}) and \`before\` (the \`seq\` of the last one seen) page through it.`,
      },
    })
    .get("/reports", async ({ request }) => reports(api, request), {
      detail: {
        summary: "What filters did by night",
        description:
          "Alerts seen, passed and failed on, time spent (mean and p99 in µs), the last error; slowest first. " +
          "`night` (20231012) and `filter_id` with `group_id` narrow it.",
      },
    });

async function tryUnsaved(api: ApiContext, request: Request): Promise<Response> {
  const author = authorOf(await api.identities.userOf(request));
  const given = await readBody(request, api.maxBodyBytes);
  return answerTry(api, request, given, await filterWork(async () => readUnsavedTry(author, given)));
}

async function trySaved(api: ApiContext, request: Request, id: string): Promise<Response> {
  const { author, filter } = await ownFilter(api, request, id);
  const given = await readBody(request, api.maxBodyBytes);
  return answerTry(api, request, given, await filterWork(async () => readSavedTry(author, filter, given)));
}

async function ownFilter(
  api: ApiContext,
  request: Request,
  id: string,
): Promise<{ author: Author; filter: FilterDocument }> {
  const author = authorOf(await api.identities.userOf(request));
  const filterId = numberOf(id, "filter_id");
  return { author, filter: await filterWork(() => api.filters.get(author, filterId, groupOf(request))) };
}

async function answerTry(
  api: ApiContext,
  request: Request,
  given: Document,
  { stages, scope }: TryRequest,
): Promise<Response> {
  const limit = boundedNumber(given["limit"], "limit", DEFAULT_ROWS, MOST_ROWS);
  if ((request.headers.get("accept") ?? "").includes(LINES)) {
    return lines((tell, signal) =>
      api.filters.trials.try(stages, scope, limit, {
        progress: (seen, total) => tell(`{"event":"progress","seen":${seen},"total":${total}}`),
        rows: (rows) => rows.forEach((row) => void tell(`{"event":"row","row":${row}}`)),
        signal,
      }),
    );
  }
  const rows: Value[] = [];
  const summary = await filterWork(() =>
    api.filters.trials.try(stages, scope, limit, {
      rows: (texts) => void rows.push(...texts.map((text) => parseJson(text))),
      signal: request.signal,
    }),
  );
  return success(`${summary.passed} of ${summary.seen} alerts pass`, rows, summaryDocument(summary));
}

/** The summary as a document, with what the stages let through as `explain`. */
function summaryDocument({ stages, ...counts }: TrialSummary): Document {
  return { ...counts, ...(stages === undefined ? {} : { explain: stages }) } as unknown as Document;
}

/** Lines of JSON as they come; the last one is the summary or the error. */
function lines(work: (tell: (line: string) => void, signal: AbortSignal) => Promise<TrialSummary>): Response {
  const gone = new AbortController();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const tell = (line: string) => controller.enqueue(encoder.encode(`${line}\n`));
      try {
        const summary = await work(tell, gone.signal);
        tell(printJson({ event: "summary", ...summaryDocument(summary) }));
      } catch (error) {
        if (gone.signal.aborted) return;
        const known = toHttpError(error)?.message ?? (error instanceof Error ? error.message : String(error));
        tell(printJson({ event: "error", message: known }));
      }
      controller.close();
    },
    cancel: () => gone.abort(),
  });
  return new Response(body, { headers: { "content-type": LINES, "cache-control": "no-store" } });
}

async function fillIn(api: ApiContext, request: Request, id: string): Promise<Response> {
  const { author, filter } = await ownFilter(api, request, id);
  const given = await readBody(request, api.maxBodyBytes);
  const { delivered, ...summary } = await filterWork(() =>
    api.filters.backfill(author, filter, given, { signal: request.signal }),
  );
  api.log.info({ filter: filter._id, delivered, by: author.name }, "backfill of a filter");
  return success(`${summary.passed} of ${summary.seen} alerts pass, ${delivered} are new`, {
    ...summaryDocument(summary),
    delivered,
  });
}

async function matches(api: ApiContext, request: Request, id: string): Promise<Response> {
  const { author, filter } = await ownFilter(api, request, id);
  const { searchParams } = new URL(request.url);
  const limit = boundedNumber(searchParams.get("limit"), "limit", DEFAULT_PAGE, MOST_PAGE);
  const before = searchParams.get("before");
  if (before !== null && !/^\d{1,18}$/.test(before)) throw badRequest("before: expected the seq of a match");
  const survey = surveys.find(({ collections }) => collections.alerts === filter.catalog);
  const seen = survey === undefined ? undefined : author.programs(survey);
  const found = api.store.find({
    collection: "outbox",
    filter: {
      "document.filter": filter._id,
      // By the permissions with which the filter ran then, not by those that it has now.
      ...(seen === undefined
        ? {}
        : { "document.permissions": { $not: { $elemMatch: { $nin: [...seen] } } } }),
      ...(before === null ? {} : { seq: { $lt: BigInt(before) } }),
    },
    sort: [["seq", -1]],
    limit,
    comment: author.name,
    maxTimeMs: MAX_TIME_MS,
  });
  const page = await Array.fromAsync(found.documents());
  const data = page.map(({ seq, document }): Document => ({ seq: seq ?? null, ...(document as Document) }));
  const next = data.length === limit ? (data.at(-1)?.["seq"] ?? null) : null;
  return success(`${data.length} matches of filter id ${filter.filter_id}`, data, { next });
}

async function reports(api: ApiContext, request: Request): Promise<Response> {
  const author = authorOf(await api.identities.userOf(request));
  const { searchParams } = new URL(request.url);
  const night = searchParams.get("night");
  const id = searchParams.get("filter_id");
  const filters = await api.filters.list(author, {
    ...(id === null ? {} : { filter_id: numberOf(id, "filter_id") }),
    ...(groupOf(request) === undefined ? {} : { group_id: groupOf(request) }),
  });
  const data = await readReports(api.store, {
    filter: { $in: filters.map(({ _id }) => _id) },
    ...(night === null ? {} : { night }),
  });
  return success(`${data.length} reports`, data);
}

/** A number from 1 to `most`. */
function boundedNumber(given: Value | undefined, name: string, otherwise: number, most: number): number {
  if (given === undefined || given === null) return otherwise;
  const number = typeof given === "string" && /^\d{1,9}$/.test(given) ? Number(given) : given;
  if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= most) return number;
  throw badRequest(`${name}: expected a whole number from 1 to ${most}`);
}
