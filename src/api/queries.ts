/** `POST /api/queries` as a resource. */
import { Elysia } from "elysia";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { streamed } from "./envelope.ts";
import { queryPieces, queryTypes } from "./queries/index.ts";

const description = [
  "One query. `query` depends on the type, `kwargs` are `limit`, `skip`, `sort`, `hint`, `max_time_ms`, `comment`.",
  ...queryTypes.map((type) => `- \`${type.name}\`: ${type.summary}`),
].join("\n");

export const queries = (api: ApiContext) =>
  new Elysia().post(
    "/api/queries",
    async ({ request }) => {
      const user = await api.identities.userOf(request);
      const body = await readBody(request, api.maxBodyBytes);
      return streamed(queryPieces(body, { store: api.store, user, maxTimeMs: api.maxTimeMs }));
    },
    {
      detail: {
        tags: ["queries"],
        summary: "Query the catalogues",
        description,
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                required: ["query_type", "query"],
                properties: {
                  query_type: { type: "string", enum: queryTypes.map((type) => type.name) },
                  query: { type: "object" },
                  kwargs: { type: "object" },
                },
              },
              example: {
                query_type: "find",
                query: {
                  catalog: "ZTF_alerts",
                  filter: { "candidate.drb": { $gt: 0.9 } },
                  projection: { _id: 0, candid: 1, objectId: 1, "candidate.drb": 1 },
                },
                kwargs: { limit: 10 },
              },
            },
          },
        },
      },
    },
  );
