/** `/api/stream`: matches as they come, as server-sent events. */
import { Elysia } from "elysia";
import { type FilterChoice, isChosen, matchMessage, type OutboxItem } from "../sinks/index.ts";
import { surveyByName } from "../surveys/index.ts";
import type { ApiContext } from "./context.ts";
import { badRequest } from "./errors.ts";
import type { User } from "./identity.ts";
import { queryParameter } from "./openapi.ts";
import { visiblePrograms } from "./visibility.ts";

/** A silent connection gets a sign of life this often, and its user is looked at again: milliseconds. */
const HEARTBEAT_MS = 15_000;
/** How long a client is to wait before it connects again, milliseconds. */
const RECONNECT_MS = 3000;

const description = [
  "Server-sent events: `event: match`, with the match as JSON and its place as `id`. A client that sends the last",
  "`id` it saw, as the header `Last-Event-ID` or as `last_event_id`, gets what came since, as far as it is kept;",
  "one that sends none gets what comes from now on. `filter_id`, `group_id` and `survey`, each with one or several",
  "values separated by commas, narrow it. You see matches of filters of your groups, administrators see all.",
].join(" ");

export const stream = (api: ApiContext) =>
  new Elysia().get("/api/stream", async ({ request }) => openStream(api, request), {
    detail: {
      tags: ["filters"],
      summary: "Matches as they come",
      description,
      parameters: [
        queryParameter("filter_id", "Only matches of these filters, e.g. `1,2`."),
        queryParameter("group_id", "Only matches of filters of these groups."),
        queryParameter("survey", "Only matches of these surveys, e.g. `ZTF`."),
        queryParameter("last_event_id", "The last `id` that was seen: what came since is sent first."),
      ],
    },
  });

async function openStream(api: ApiContext, request: Request): Promise<Response> {
  const { feed } = api;
  const user = await api.identities.userOf(request);
  const { searchParams } = new URL(request.url);
  const choice: FilterChoice = {
    filters: integersOf(searchParams, "filter_id"),
    groups: integersOf(searchParams, "group_id"),
    surveys: wordsOf(searchParams, "survey").map((name) => name.toUpperCase()),
  };
  const seen = request.headers.get("last-event-id") ?? searchParams.get("last_event_id");
  const start = seen === null || seen === "" ? await feed.newest() : placeOf(seen);
  const gone = new AbortController();
  request.signal.addEventListener("abort", () => gone.abort(), { once: true });
  const pieces = events(api, { request, user, choice, start, signal: gone.signal });
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>(
    {
      // Called when the client can take more: what it cannot take stays in the outbox.
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      cancel: () => gone.abort(),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      // Proxies that gather answers would hold events back.
      "x-accel-buffering": "no",
    },
  });
}

interface Listener {
  readonly request: Request;
  readonly user: User;
  readonly choice: FilterChoice;
  readonly start: bigint;
  readonly signal: AbortSignal;
}

async function* events(
  api: ApiContext,
  { request, user: first, choice, start, signal }: Listener,
): AsyncGenerator<string, void, undefined> {
  const { feed } = api;
  let user = first;
  let place = start;
  let looked = performance.now();
  yield `retry: ${RECONNECT_MS}\nid: ${place}\n\n`;
  while (!signal.aborted && !feed.closed) {
    const items = await feed.next(place, HEARTBEAT_MS, signal);
    if (performance.now() - looked > HEARTBEAT_MS) {
      const known = await api.identities.userOf(request).catch(() => undefined);
      // The token has expired, or the user is gone.
      if (known === undefined) return;
      user = known;
      looked = performance.now();
    }
    place = items.at(-1)?.seq ?? place;
    const chosen = items.filter((item) => isChosen(choice, item) && isVisible(user, item));
    // An id without data is no event, but tells where to go on; a line of comment keeps the connection open.
    const sign = chosen.at(-1)?.seq === place ? "" : `: waiting\nid: ${place}\n\n`;
    yield chosen.map(event).join("") + sign;
  }
}

function event(item: OutboxItem): string {
  return `id: ${item.seq}\nevent: match\ndata: ${matchMessage(item) ?? "null"}\n\n`;
}

/** Members of the filter's group see its matches, when they may see all that the filter does. */
function isVisible(user: User, { match, survey: name }: OutboxItem): boolean {
  if (user.isAdministrator) return true;
  if (match === undefined || !user.account.groups.includes(match.group_id)) return false;
  const survey = surveyByName(name);
  const programs = survey === undefined ? undefined : visiblePrograms(user, survey);
  return programs === undefined || match.permissions.every((program) => programs.includes(Number(program)));
}

function placeOf(text: string): bigint {
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  throw badRequest(`Last-Event-ID: expected the id of an event, got ${text.slice(0, 40)}`);
}

function wordsOf(parameters: URLSearchParams, name: string): string[] {
  return parameters
    .getAll(name)
    .flatMap((text) => text.split(","))
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function integersOf(parameters: URLSearchParams, name: string): number[] {
  return wordsOf(parameters, name).map((word) => {
    if (/^\d{1,9}$/.test(word)) return Number(word);
    throw badRequest(`${name}: expected whole numbers separated by commas, got ${word.slice(0, 40)}`);
  });
}
