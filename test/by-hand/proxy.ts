/**
 * Requests through a real traefik with the routing of docker-compose.traefik.yaml, to the executable:
 *
 *   KOWALSKI_TEST_TRAEFIK=/path/to/traefik bun test/by-hand/proxy.ts
 *
 * Labels become a file of the same settings, for there are no containers to read them from; the certificate is
 * traefik's own. Prints what was asked and answered, and ends with exit code 1 when something is wrong.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { freePort, ServerProcess } from "../support/processes.ts";

const DOMAIN = "alerts.example.org";
const PASSWORD = "a password for this check";
const binary = process.env["KOWALSKI_TEST_TRAEFIK"];
if (binary === undefined) throw new Error("KOWALSKI_TEST_TRAEFIK is not set: the path of a traefik");

interface Compose {
  readonly services: Record<
    string,
    { readonly labels?: readonly string[]; readonly command?: readonly string[] }
  >;
}

const text = readFileSync(join(import.meta.dir, "..", "..", "docker-compose.traefik.yaml"), "utf8")
  .replaceAll(/\$\{KOWALSKI_DOMAIN[^}]*\}/g, DOMAIN)
  .replaceAll(/\$\{ACME_EMAIL[^}]*\}/g, "me@example.org")
  .replaceAll("$$", "$");
const { services } = parse(text, { merge: true }) as Compose;

/** `traefik.http.routers.kowalski.rule=…` as nested settings; where the service is, is filled in. */
function settings(labels: readonly string[], target: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const label of labels) {
    const [path = "", ...rest] = label.split("=");
    const keys = path.split(".").slice(1);
    if (keys[0] !== "http" || path.endsWith("server.port") || path.includes("certresolver")) continue;
    const last = keys.pop() ?? "";
    let at = root;
    for (const key of keys) {
      at[key] ??= {};
      at = at[key] as Record<string, unknown>;
    }
    const value = rest.join("=");
    const isList = ["middlewares", "entrypoints"].includes(last);
    at[last] = isList ? value.split(",") : /^\d+$/.test(value) ? Number(value) : value;
  }
  const http = root["http"] as {
    routers: Record<string, Record<string, unknown>>;
    services: Record<string, { loadbalancer: Record<string, unknown> }>;
  };
  for (const router of Object.values(http.routers)) router["tls"] = {};
  for (const { loadbalancer } of Object.values(http.services)) loadbalancer["servers"] = [{ url: target }];
  return root;
}

using folder = temporaryFolder();
const served = await startServe(join(folder.path, "data"), {
  cwd: folder.path,
  env: {
    KOWALSKI_SERVER__ADMIN_PASSWORD: PASSWORD,
    KOWALSKI_SERVER__TRUSTED_PROXIES: "127.0.0.1",
  },
});
const [web, secure] = [await freePort(), await freePort()];
const file = join(folder.path, "dynamic.yaml");
writeFileSync(file, JSON.stringify(settings(services["kowalski"]?.labels ?? [], served.url)));
const command = (services["traefik"]?.command ?? [])
  .filter((word) => !/providers\.docker|certificatesresolvers|ping/.test(word))
  .map((word) => word.replace("address=:80", `address=127.0.0.1:${web}`))
  .map((word) => word.replace("address=:443", `address=127.0.0.1:${secure}`))
  .map((word) => word.replace("entrypoint.to=websecure", `entrypoint.to=:${secure}`));
const traefik = new ServerProcess([binary, ...command, `--providers.file.filename=${file}`], folder.path);

let wrong = 0;
function say(what: string, found: unknown, isRight: boolean): void {
  if (!isRight) wrong++;
  console.log(`${isRight ? "right" : "WRONG"}  ${what}: ${String(found)}`);
}

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`https://127.0.0.1:${secure}${path}`, {
    ...init,
    headers: { host: DOMAIN, ...init.headers },
    tls: { rejectUnauthorized: false },
  });

for (let n = 0; n < 100; n++) {
  const up = await ask("/health").catch(() => undefined);
  if (up?.status === 200) break;
  await Bun.sleep(200);
}
const health = await ask("/health");
say("GET /health by its name", health.status, health.status === 200);
const other = await ask("/health", { headers: { host: "elsewhere.example.org" } });
say("GET /health by another name", other.status, other.status === 404);
const plain = await fetch(`http://127.0.0.1:${web}/docs`, { headers: { host: DOMAIN }, redirect: "manual" });
const location = plain.headers.get("location") ?? "";
say(
  "http is sent to https",
  `${plain.status} ${location}`,
  /^30[18]$/.test(String(plain.status)) && location.startsWith(`https://${DOMAIN}`),
);

const login = await ask("/api/auth", {
  method: "POST",
  body: JSON.stringify({ username: "admin", password: PASSWORD }),
});
const { token } = (await login.json()) as { token: string };
say("login", login.status, login.status === 200);
const authorization = `Bearer ${token}`;
const large = await ask("/api/queries", {
  method: "POST",
  headers: { authorization },
  body: "x".repeat(11_000_000),
});
say("a body of 11 MB", large.status, large.status === 413);
const query = { query_type: "info", query: { command: "catalog_names" } };
const found = await ask("/api/queries", {
  method: "POST",
  headers: { authorization },
  body: JSON.stringify(query),
});
say("a query", (await found.text()).slice(0, 60), found.status === 200);

const listening = new AbortController();
const stream = await ask("/api/stream", { headers: { authorization }, signal: listening.signal });
const first = await Promise.race([stream.body?.getReader().read(), Bun.sleep(30_000)]);
say("the live stream begins at once", stream.headers.get("content-type"), first !== undefined);
listening.abort();

const many = await Promise.all(Array.from({ length: 400 }, async () => (await ask("/health")).status));
const refused = many.filter((status) => status === 429).length;
say("400 requests at once", `${refused} told to wait`, refused > 50 && refused < 400);
await Bun.sleep(3000);
// Who claims to be somebody else is not believed: failed logins count for the address they come from.
const statuses: number[] = [];
for (let n = 0; n < 55; n++) {
  const tried = await ask("/api/auth", {
    method: "POST",
    headers: { "x-forwarded-for": `203.0.113.${n}` },
    body: JSON.stringify({ username: `nobody${n}`, password: "wrong" }),
  });
  statuses.push(tried.status);
}
const last = `${statuses[0]} … ${statuses.at(-1)}`;
say("55 failed logins with addresses made up", last, last === "401 … 429");
const end = await served.stop();
await traefik.remove();
say("the server ends", end, end === 0);
process.exit(wrong === 0 ? 0 : 1);
