/** `/`, `/health`, `/ready`, `/metrics`: for clients, orchestrators and monitoring. */
import { Elysia } from "elysia";
import { version } from "../config/index.ts";
import type { ApiContext } from "./context.ts";
import { failure, success } from "./envelope.ts";
import { alsoErrors } from "./openapi.ts";

/** Probes come often: one answer of the checks serves those within this time, milliseconds. */
const READY_FOR_MS = 1000;

export const health = (api: ApiContext) => {
  let latest: { at: number; report: ReturnType<ApiContext["health"]["run"]> } | undefined;
  const report = () => {
    if (latest === undefined || performance.now() - latest.at > READY_FOR_MS) {
      latest = { at: performance.now(), report: api.health.run() };
    }
    return latest.report;
  };
  return new Elysia({ detail: { tags: ["service"], security: [] } })
    .get("/", () => success("greetings from Kowalski!", { version: version.release }), {
      detail: { summary: "Greeting" },
    })
    .get("/health", () => success("alive"), { detail: { summary: "Liveness" } })
    .get(
      "/ready",
      async () => {
        const { ok, checks } = await report();
        const data = checks.map((check) => ({ ...check }));
        return ok ? success("ready", data) : failure(503, "not ready", {}, { data });
      },
      { detail: { summary: "Readiness: store and sources", responses: alsoErrors(503) } },
    )
    .get(
      "/metrics",
      async () =>
        new Response(await api.metrics.text(), { headers: { "content-type": api.metrics.contentType } }),
      {
        detail: {
          summary: "Metrics in Prometheus's format",
          responses: {
            200: { description: "The metrics.", content: { "text/plain": { schema: { type: "string" } } } },
          },
        },
      },
    );
};
