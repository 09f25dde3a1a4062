/** Assembles the resources into one application: errors, log and metrics are the same for all. */
import { Elysia } from "elysia";
import type { Metrics } from "../telemetry/index.ts";
import { alerts } from "./alerts.ts";
import { auth } from "./auth.ts";
import { catalogs } from "./catalogs.ts";
import { classifications } from "./classifications.ts";
import type { ApiContext } from "./context.ts";
import { cutouts } from "./cutouts.ts";
import { docs } from "./docs.ts";
import { failure } from "./envelope.ts";
import { toHttpError } from "./errors.ts";
import { filterTrials } from "./filter-trials.ts";
import { filters } from "./filters.ts";
import { health } from "./health.ts";
import { lightCurves } from "./light-curves.ts";
import { describeApi } from "./openapi.ts";
import { queries } from "./queries.ts";
import { savedQueries } from "./saved-queries.ts";
import { sinks } from "./sinks.ts";
import { skymap } from "./skymap.ts";
import { stream } from "./stream.ts";
import { users } from "./users.ts";

export function createApp(api: ApiContext) {
  const observe = observer(api.metrics);
  const started = new WeakMap<Request, number>();
  const failed = new WeakMap<Request, number>();
  const app = new Elysia({ normalize: false })
    .onRequest(({ request }) => {
      started.set(request, performance.now());
    })
    // Bodies are read by the resources: the usual reading loses digits of int64.
    .onParse(() => null)
    .onError(({ error, code, request }) => {
      const answer = errorAnswer(app, api, request, code === "NOT_FOUND" ? undefined : error);
      failed.set(request, answer.status);
      return answer;
    })
    .onAfterResponse(({ request, route, responseValue }) => {
      const milliseconds = performance.now() - (started.get(request) ?? performance.now());
      const status = failed.get(request) ?? (responseValue instanceof Response ? responseValue.status : 200);
      const { pathname } = new URL(request.url);
      observe(request.method, route, status, milliseconds);
      api.log.debug(
        { method: request.method, path: pathname, status, ms: Math.round(milliseconds) },
        "request",
      );
    })
    .use(health(api))
    .use(auth(api))
    .use(users(api))
    .use(queries(api))
    .use(savedQueries(api))
    .use(skymap(api))
    .use(catalogs(api))
    .use(alerts(api))
    .use(lightCurves(api))
    .use(cutouts(api))
    .use(classifications(api))
    .use(filters(api))
    .use(filterTrials(api))
    .use(stream(api))
    .use(sinks(api))
    .use(docs((): string => describeApi(app)));
  return app;
}

interface Routes {
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

/** The answer to a request whose handler threw `error`, or that has no handler when it is undefined. */
function errorAnswer(app: Routes, api: ApiContext, request: Request, error: unknown): Response {
  if (error === undefined) return unknownAddress(app, request);
  const known = toHttpError(error);
  if (known !== undefined && known.status !== 503) return failure(known.status, known.message, known.headers);
  // Our own fault: the client gets a number that stands in the log beside what happened.
  const id = crypto.randomUUID();
  const { pathname } = new URL(request.url);
  api.log.error({ err: error, id, method: request.method, path: pathname }, "request failed");
  if (known !== undefined) return failure(known.status, known.message, known.headers, { id });
  return failure(500, `internal error ${id}: the log of the server tells more`, {}, { id });
}

/** 404, or 405 when the address exists for other methods; OPTIONS tells those. */
function unknownAddress(app: Routes, request: Request): Response {
  const { pathname } = new URL(request.url);
  const methods = app.routes
    .filter(({ path }) => new RegExp(`^${path.replace(/:[^/]+/g, "[^/]+")}/?$`).test(pathname))
    .map(({ method }) => method);
  if (methods.length === 0) return failure(404, `Not Found: ${pathname}; see /docs`);
  const possible = new Set([...methods, ...(methods.includes("GET") ? ["HEAD"] : []), "OPTIONS"]);
  const allow = [...possible].join(", ");
  if (request.method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
  return failure(405, `${request.method} is not possible here; there is ${allow}`, { allow });
}

function observer(metrics: Metrics) {
  const histogram = metrics.histogram(
    "kowalski_http_request_seconds",
    "Time to answer by route and status.",
    ["method", "route", "status"],
  );
  return (method: string, route: string, status: number, milliseconds: number) =>
    histogram.observe({ method, route: route || "unknown", status: String(status) }, milliseconds / 1000);
}
