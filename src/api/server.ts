/** Assembles the resources into one application: errors, log and metrics are the same for all. */
import { Elysia } from "elysia";
import type { Metrics } from "../telemetry/index.ts";
import { alerts } from "./alerts.ts";
import { auth } from "./auth.ts";
import type { ApiContext } from "./context.ts";
import { docs } from "./docs.ts";
import { failure } from "./envelope.ts";
import { toHttpError } from "./errors.ts";
import { filters } from "./filters.ts";
import { health } from "./health.ts";
import { queries } from "./queries.ts";
import { users } from "./users.ts";

export function createApp(api: ApiContext) {
  const observe = observer(api.metrics);
  const started = new WeakMap<Request, number>();
  const app = new Elysia({ normalize: false })
    .onRequest(({ request }) => {
      started.set(request, performance.now());
    })
    // Bodies are read by the resources: the usual reading loses digits of int64.
    .onParse(() => null)
    .onError(({ error, code, request }) => {
      if (code === "NOT_FOUND") return unknownAddress(app, request);
      const known = toHttpError(error);
      if (known !== undefined) return failure(known.status, known.message, known.headers);
      return ownFault(api, error, request);
    })
    .onAfterResponse(({ request, route, responseValue }) => {
      const milliseconds = performance.now() - (started.get(request) ?? performance.now());
      const status = responseValue instanceof Response ? responseValue.status : 200;
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
    .use(alerts(api))
    .use(filters(api))
    .use(docs());
  return app;
}

/** 404, or 405 when the address exists for other methods. */
function unknownAddress(
  app: { routes: readonly { method: string; path: string }[] },
  request: Request,
): Response {
  const { pathname } = new URL(request.url);
  const methods = app.routes
    .filter(({ path }) => new RegExp(`^${path.replace(/:[^/]+/g, "[^/]+")}/?$`).test(pathname))
    .map(({ method }) => method);
  if (methods.length === 0) return failure(404, `Not Found: ${pathname}; see /docs`);
  const allow = [...new Set(methods)].join(", ");
  return failure(405, `${request.method} is not possible here; there is ${allow}`, { allow });
}

/** Our own fault: the client gets a number that stands in the log beside what happened. */
function ownFault(api: ApiContext, error: unknown, request: Request): Response {
  const id = crypto.randomUUID();
  const { pathname } = new URL(request.url);
  api.log.error({ err: error, id, method: request.method, path: pathname }, "request failed");
  return failure(500, `internal error ${id}: the log of the server tells more`, {}, { id });
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
