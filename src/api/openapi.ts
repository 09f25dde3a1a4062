/** The OpenAPI description of the application: what the resources say of their routes, and what all have in common. */
import { toOpenAPISchema } from "@elysiajs/openapi";
import type { AnyElysia } from "elysia";
import { version } from "../config/index.ts";

/** The version that most generators of clients read. */
const OPENAPI_VERSION = "3.0.3";

const DESCRIPTION = [
  "Alerts of time-domain surveys.",
  "Log in with `POST /api/auth`, give the token to *Authorize*, and query.",
  "Every answer is `{status, message, data}`; errors have the same form with the status codes below.",
  "Integers are exact up to 64 bits: read answers with a JSON reader that keeps them.",
].join(" ");

interface Operation {
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses?: Readonly<Record<string, object>>;
}

const envelope = {
  type: "object",
  required: ["status", "message"],
  properties: {
    status: { type: "string", enum: ["success"] },
    message: { type: "string" },
    data: { description: "What was asked for; left out where there is nothing." },
  },
};
const errorEnvelope = {
  type: "object",
  required: ["status", "message"],
  properties: {
    status: { type: "string", enum: ["error"] },
    message: { type: "string", description: "What is wrong, with the name of the field." },
  },
};

/** Errors by status and when they come; the names of `components.responses`. */
const ERRORS: Readonly<Record<string, string>> = {
  400: "The request is invalid; the message names the field.",
  401: "The token is missing, invalid or expired, or the credentials are wrong.",
  403: "You may not do this.",
  404: "There is no such thing.",
  409: "It exists already.",
  413: "The body is larger than the server takes.",
  429: "Too many failed logins; `Retry-After` says how many seconds to wait.",
  500: "A fault of the server; the message has a number that is in its log.",
  503: "The server is not ready.",
  504: "The time limit was exceeded.",
};

const json = (schema: string) => ({
  "application/json": { schema: { $ref: `#/components/schemas/${schema}` } },
});

/** The description as JSON text. */
export function describeApi(app: AnyElysia): string {
  const { paths } = toOpenAPISchema(app, { staticFile: false }, undefined, undefined, OPENAPI_VERSION);
  const described = Object.entries(paths).map(([path, operations]) => [path, withCommon(path, operations)]);
  return JSON.stringify({
    openapi: OPENAPI_VERSION,
    info: { title: "Kowalski", version: version.release, description: DESCRIPTION },
    security: [{ token: [] }],
    paths: Object.fromEntries(described),
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      schemas: { Success: envelope, Error: errorEnvelope },
      responses: Object.fromEntries(
        Object.entries(ERRORS).map(([status, description]) => [
          status,
          { description, content: json("Error") },
        ]),
      ),
    },
  });
}

function withCommon(path: string, operations: object | undefined): object {
  return Object.fromEntries(
    Object.entries(operations ?? {}).map(([method, operation]: [string, Operation]) => [
      method,
      { ...operation, responses: { ...commonResponses(path, operation), ...operation.responses } },
    ]),
  );
}

/** The answers that follow from what kind of operation it is. */
function commonResponses(path: string, { security, requestBody }: Operation): Record<string, object> {
  const isPublic = security?.length === 0;
  const errors = [
    ...(isPublic ? [] : ["401", "403"]),
    ...(requestBody === undefined && !path.includes("{") ? [] : ["400"]),
    ...(path.includes("{") ? ["404"] : []),
    ...(requestBody === undefined ? [] : ["413"]),
    "500",
  ];
  return {
    200: { description: "Done.", content: json("Success") },
    ...Object.fromEntries(errors.map((status) => [status, errorResponse(status)])),
  };
}

/** A reference to one of the common errors, for the `responses` of a route. */
export function errorResponse(status: string): object {
  return { $ref: `#/components/responses/${status}` };
}

/** The `responses` of a route that answers these errors besides the common ones. */
export function alsoErrors(...statuses: readonly number[]): Record<string, never> {
  const responses = Object.fromEntries(statuses.map((status) => [status, errorResponse(String(status))]));
  // The plugin's type wants whole responses; references are as good in OpenAPI.
  return responses as Record<string, never>;
}

/** A parameter of the address, `?name=…`. */
export function queryParameter(name: string, description: string, schema: object = { type: "string" }) {
  return { name, in: "query" as const, description, schema };
}

/** A body that is a JSON object with these fields. */
export function jsonBody(properties: Record<string, object>, required: string[] = []) {
  return {
    required: true,
    content: {
      "application/json": {
        schema: { type: "object" as const, ...(required.length > 0 ? { required } : {}), properties },
      },
    },
  };
}
