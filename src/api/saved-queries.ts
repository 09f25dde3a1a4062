/** `/api/queries/{id}`: the state and answer of saved queries. */
import { Elysia } from "elysia";
import { type Document, parseJson, printJson } from "../query/index.ts";
import type { ApiContext } from "./context.ts";
import { failure, streamed, success } from "./envelope.ts";
import { badRequest } from "./errors.ts";
import type { User } from "./identity.ts";
import type { SavedQuery } from "./queries/saved.ts";

const PART = {
  name: "part",
  in: "query" as const,
  schema: { type: "string" as const, enum: ["task", "result"] },
  description:
    "`task`: only what was asked and how it stands; `result`: only the answer, as the query itself gives it.",
};

export const savedQueries = (api: ApiContext) =>
  new Elysia({ prefix: "/api/queries", detail: { tags: ["queries"] } })
    .get(
      "",
      async ({ request }) => {
        const user = await api.identities.userOf(request);
        return success("saved queries", (await api.saved.list(user)).map(stateOf));
      },
      {
        detail: { summary: "Saved queries", description: "Yours, newest first; the administrator sees all." },
      },
    )
    .get(
      "/:id",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const query = await api.saved.find(user, params.id);
        return show(api, user, query, new URL(request.url).searchParams.get("part"));
      },
      {
        detail: {
          summary: "One saved query: its state, then its answer",
          description:
            "`data.state` is queued, running, done (with `data.result`) or failed (with `data.error`).",
          parameters: [PART],
        },
      },
    )
    .delete(
      "/:id",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const isAll = params.id === "all";
        const removed = isAll ? await own(api, user.name) : [await api.saved.find(user, params.id)];
        for (const query of removed) await api.saved.remove(query);
        return success(isAll ? `removed ${removed.length} queries` : `removed query ${params.id}`);
      },
      { detail: { summary: "Remove a saved query", description: "`all` removes all of yours." } },
    );

async function own(api: ApiContext, username: string): Promise<SavedQuery[]> {
  const user = await api.accounts.find(username);
  if (user === undefined) return [];
  return api.saved.list({ name: username, isAdministrator: false, account: user });
}

function stateOf(query: SavedQuery): Document {
  return {
    query_id: query._id,
    user: query.user,
    state: query.state,
    created_at: query.created_at,
    finished_at: query.finished_at,
    expires_at: query.expires_at,
    task: parseJson(query.task),
    ...(query.state === "failed" ? { error: query.message, code: query.code } : {}),
  };
}

function show(
  api: ApiContext,
  user: User,
  query: SavedQuery,
  part: string | null,
): Response | Promise<Response> {
  if (part !== null && part !== "task" && part !== "result")
    throw badRequest("part: expected task or result");
  const message = `query is ${query.state}`;
  if (part === "task") return success(message, stateOf(query));
  if (part === "result" && query.state === "failed")
    return failure(query.code ?? 500, query.message ?? "failed");
  if (query.state !== "done") {
    return part === "result" ? success("query not finished yet") : success(message, stateOf(query));
  }
  const head =
    part === "result"
      ? printJson({ status: "success", message: query.message ?? "" })
      : `${printJson({ status: "success", message, data: stateOf(query) }).slice(0, -1)}`;
  const field = part === "result" ? "data" : "result";
  const pieces = answerPieces(head, field, query.parts === 0 ? undefined : api.saved.answer(query, user));
  return streamed(pieces, (error) => api.log.warn({ err: error, query: query._id }, "answer broken off"));
}

/** The envelope `head` with one more field at its end, in its data or beside it. */
async function* answerPieces(
  head: string,
  field: string,
  answer: AsyncGenerator<string> | undefined,
): AsyncGenerator<string> {
  const open = head.slice(0, -1);
  const close = field === "result" ? "}}" : "}";
  if (answer === undefined) {
    yield open + close;
    return;
  }
  yield `${open},"${field}":`;
  yield* answer;
  yield close;
}
