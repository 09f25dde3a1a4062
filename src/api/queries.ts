/** `POST /api/queries` as a resource. */
import { Elysia } from "elysia";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { streamed } from "./envelope.ts";
import { alsoErrors } from "./openapi.ts";
import { queryPieces, queryTypes } from "./queries/index.ts";

const DESCRIPTION = [
  "One query, or several as `{queries: [...]}`, which are answered in order, each with an envelope of its own.",
  "`query` depends on the type:",
  ...queryTypes.map((type) => `- \`${type.name}\`: ${type.summary}`),
  "",
  "Filters, projections and pipelines are objects, or text of JSON or of Python literals. Values that JSON lacks " +
    'are written as extended JSON: `{"$date": "2024-05-01T00:00:00Z"}`.',
].join("\n");

const KWARGS = {
  type: "object" as const,
  properties: {
    limit: { type: "integer" as const },
    skip: { type: "integer" as const, minimum: 0 },
    sort: {
      description: "Pairs, most significant first, or an object.",
      example: [["candidate.jd", -1]],
    },
    hint: { description: "Name of the index to use, or its keys." },
    max_time_ms: { type: "integer" as const, minimum: 1, description: "Milliseconds until it is given up." },
    explain: {
      type: "boolean" as const,
      description: "find and aggregate: tell how it is served instead of answering it.",
    },
    distance: {
      type: "boolean" as const,
      description: "cone_search and near: add `coordinates.distance_arcsec` to each document.",
    },
    save: {
      type: "boolean" as const,
      description: "Run it in the background; the answer is a `query_id` for `GET /api/queries/{id}`.",
    },
    allowDiskUse: { type: "boolean" as const },
    comment: { type: "string" as const, description: "Shown in the log." },
  },
};

const QUERY = {
  type: "object" as const,
  properties: {
    query_type: { type: "string" as const, enum: queryTypes.map((type) => type.name) },
    query: { type: "object" as const, properties: { catalog: { type: "string" as const } } },
    kwargs: KWARGS,
  },
};

const EXAMPLE = {
  query_type: "find",
  query: {
    catalog: "ZTF_alerts",
    filter: { "candidate.drb": { $gt: 0.9 } },
    projection: { _id: 0, candid: 1, objectId: 1, "candidate.drb": 1 },
  },
  kwargs: { limit: 10 },
};

export const queries = (api: ApiContext) =>
  new Elysia().post(
    "/api/queries",
    async ({ request }) => {
      const user = await api.identities.userOf(request);
      const body = await readBody(request, api.maxBodyBytes);
      const pieces = queryPieces(body, {
        store: api.store,
        user,
        maxTimeMs: api.maxTimeMs,
        saved: api.saved,
      });
      return streamed(pieces, (error) => api.log.warn({ err: error, user: user.name }, "answer broken off"));
    },
    {
      detail: {
        tags: ["queries"],
        summary: "Query the catalogues",
        description: DESCRIPTION,
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: {
                type: "object",
                properties: { ...QUERY.properties, queries: { type: "array", items: QUERY } },
              },
              example: EXAMPLE,
            },
          },
        },
        responses: alsoErrors(429, 504),
      },
    },
  );
