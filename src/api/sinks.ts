/** `/api/sinks`: where each receiver of matches stands, what it refused, and delivering that again. */
import { Elysia } from "elysia";
import { listFailures, newestOutbox, readCursors, retryFailures } from "../sinks/index.ts";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { badRequest } from "./errors.ts";

const DEFAULT_LIMIT = 100;
const LARGEST_LIMIT = 10_000;

export const sinks = (api: ApiContext) =>
  new Elysia({ prefix: "/api/sinks", detail: { tags: ["filters"] } })
    .get(
      "",
      async ({ request }) => {
        await api.identities.administratorOf(request);
        const newest = await newestOutbox(api.store);
        const cursors = await readCursors(api.store);
        return success(
          "sinks",
          cursors.map(({ sink, seq, updatedAt }) => ({
            sink,
            backlog: newest > seq ? newest - seq : 0n,
            delivered_through: seq,
            updated_at: updatedAt,
          })),
        );
      },
      {
        detail: {
          summary: "Where each sink stands",
          description:
            "`backlog`: entries of the outbox that the sink has not passed. `delivered_through`: the event id in /api/stream up to which it has everything. For administrators.",
        },
      },
    )
    .get(
      "/failures",
      async ({ request, query }) => {
        await api.identities.administratorOf(request);
        const limit = query["limit"] === undefined ? DEFAULT_LIMIT : Number(query["limit"]);
        if (!Number.isInteger(limit) || limit < 1 || limit > LARGEST_LIMIT) {
          throw badRequest(`limit: expected a whole number from 1 to ${LARGEST_LIMIT}`);
        }
        const { sink } = query;
        return success(
          "failed deliveries",
          await listFailures(api.store, { limit, ...(sink === undefined ? {} : { sink }) }),
        );
      },
      {
        detail: {
          summary: "What receivers refused for good",
          description:
            "The latest first, each with its reason; `sink` and `limit` narrow it. For administrators.",
        },
      },
    )
    .post("/failures/retry", async ({ request }) => retry(api, request), {
      detail: {
        summary: "Deliver refused matches again",
        description:
          "Those of `ids`, of a `sink`, or all. What is refused again comes back to the list. For administrators.",
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: {
                  sink: { type: "string" },
                  ids: { type: "array", items: { type: "string" }, description: "`_id` of failures." },
                },
              },
            },
          },
        },
      },
    });

async function retry(api: ApiContext, request: Request): Promise<Response> {
  await api.identities.administratorOf(request);
  const { sink, ids } = await readBody(request, api.maxBodyBytes);
  if (sink !== undefined && typeof sink !== "string") throw badRequest("sink: expected the name of a sink");
  if (ids !== undefined && !(Array.isArray(ids) && ids.every((id) => typeof id === "string"))) {
    throw badRequest("ids: expected a list of the _id of failures");
  }
  const asked = await retryFailures(api.store, {
    ...(sink === undefined ? {} : { sink }),
    ...(ids === undefined ? {} : { ids: ids.map(String) }),
  });
  return success(`${asked} to be delivered again`, { asked });
}
