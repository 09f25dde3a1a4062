/** The HTTP API: opened with what it needs, closed when asked. */

import type { Config } from "../config/index.ts";
import { Drawing } from "../cutouts/index.ts";
import type { Filters } from "../filters/index.ts";
import type { Document } from "../query/index.ts";
import { LiveFeed } from "../sinks/index.ts";
import type { Store } from "../store/index.ts";
import type { Health, Log, Metrics } from "../telemetry/index.ts";
import { Accounts } from "./accounts.ts";
import { clientAddress, proxyList } from "./address.ts";
import { LoginAttempts } from "./attempts.ts";
import type { ApiContext } from "./context.ts";
import { Identities } from "./identity.ts";
import { runQuery } from "./queries/index.ts";
import { SavedQueries } from "./queries/saved.ts";
import { createApp } from "./server.ts";
import { tokenCodec } from "./tokens.ts";
import { programsBySurvey } from "./visibility.ts";

export { AccountError, Accounts } from "./accounts.ts";
export { toHttpError } from "./errors.ts";
export { operator } from "./identity.ts";
export { queryPieces } from "./queries/index.ts";
export { readLiteral } from "./queries/literal.ts";

export interface ApiParts {
  readonly store: Store;
  readonly filters: Filters;
  readonly catalogs: ApiContext["catalogs"];
  readonly config: Pick<Config, "server" | "queries" | "skymaps">;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly health: Health;
}

export interface Api {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  /** What is answered, e.g. `GET /api/users/:username`. */
  readonly routes: readonly string[];
  /** Answers the last requests and closes. */
  stop(): Promise<void>;
}

/** Seconds that a connection may be silent: a query may take its time before its first byte. */
const IDLE_SECONDS = 255;
/** How long answers under way may take when the server stops, milliseconds. */
const DRAIN_MS = 3000;

/** Listens and answers. Throws when the address is taken. */
export async function openApi({
  store,
  filters,
  catalogs,
  config,
  log,
  metrics,
  health,
}: ApiParts): Promise<Api> {
  const { server } = config;
  const accounts = new Accounts(store, { username: server.admin_username, password: server.admin_password });
  const identities = new Identities(accounts, tokenCodec(server.jwt_secret, server.token_expiry_days));
  const isTrusted = proxyList(server.trusted_proxies);
  const accountsReady = accounts.ensureAdministrator();
  accountsReady.catch((error: unknown) =>
    log.error({ err: error }, "the administrator's account could not be made"),
  );
  const feed = new LiveFeed(store);
  const drawing = new Drawing();
  const { max_time_ms: maxTimeMs, saved_days: days, max_saved_bytes: maxBytes } = config.queries;
  const run = async (username: string, body: Document) => {
    const user = await identities.userNamed(username);
    return { ...(await runQuery(body, { store, user, maxTimeMs })), programs: programsBySurvey(user) };
  };
  const saved = new SavedQueries({
    store,
    log,
    run,
    days,
    maxBytes,
    isShared: store.kind === "mongo",
  });
  const app = createApp({
    store,
    feed,
    log,
    metrics,
    health,
    accounts,
    filters,
    catalogs,
    drawing,
    identities,
    attempts: new LoginAttempts(),
    downloads: { allowPrivate: config.skymaps.allow_private_urls },
    maxBodyBytes: server.max_body_bytes,
    maxTimeMs,
    saved,
    accountsReady,
    addressOf(request) {
      const peer = app.server?.requestIP(request)?.address ?? "unknown";
      return clientAddress(peer, request.headers.get("x-forwarded-for"), isTrusted);
    },
  });
  app.listen({
    hostname: server.host,
    port: server.port,
    // Else a second server on the same port would take half of the first one's requests.
    reusePort: false,
    idleTimeout: IDLE_SECONDS,
    // The limit of the configuration is kept by us, with a proper answer; this one is behind it.
    maxRequestBodySize: server.max_body_bytes + 1024 * 1024,
  });
  // Once the address is ours: whoever may not listen runs nothing either.
  saved.start().catch((error: unknown) => log.error({ err: error }, "saved queries were not taken up again"));
  const listener = app.server;
  const port = listener?.port ?? server.port;
  const host = server.host.includes(":") ? `[${server.host}]` : server.host;
  return {
    url: `http://${host}:${port}`,
    routes: app.routes.map(({ method, path }) => `${method} ${path}`),
    async stop() {
      // Streams would go on for ever.
      feed.close();
      await Promise.race([listener?.stop(false), Bun.sleep(DRAIN_MS)]);
      await listener?.stop(true);
      drawing.close();
      await Promise.race([saved.close(), Bun.sleep(DRAIN_MS)]);
    },
  };
}
