/** The compose files as far as they can be checked without an engine: what is started, with what, and in which order. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/index.ts";
import { temporaryFolder } from "../support/folders.ts";

interface Service {
  readonly profiles?: readonly string[];
  readonly image?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly deploy?: { resources: { limits: { memory: string } } };
  readonly labels?: Readonly<Record<string, string>> | readonly string[];
  readonly networks?: readonly string[];
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const read = (name: string) => readFileSync(join(import.meta.dir, "..", "..", name), "utf8");
const compose = parse(read("docker-compose.yaml"), { merge: true }) as Compose;
const proxyText = read("docker-compose.traefik.yaml");
const proxy = parse(proxyText, { merge: true }) as Compose;

/** The services that start with these profiles. */
function started(...profiles: readonly string[]): string[] {
  return Object.entries(compose.services)
    .filter(([, service]) => (service.profiles ?? profiles).some((profile) => profiles.includes(profile)))
    .map(([name]) => name)
    .sort();
}

describe("docker-compose.yaml", () => {
  test("starts what its profiles say; the embedded store alone where none is given", () => {
    expect(read(".env")).toContain("COMPOSE_PROFILES=embedded\n");
    expect(started("embedded")).toEqual(["kowalski"]);
    expect(started("mongo")).toEqual(["kowalski-mongo", "mongo"]);
    expect(started("mongo", "kafka")).toEqual(["kafka", "kowalski-mongo", "mongo"]);
    expect(compose.services["kowalski-mongo"]?.depends_on?.["mongo"]?.condition).toBe("service_healthy");
  });

  test("gives every service a health check, a memory limit and volumes that are declared", () => {
    for (const [name, { healthcheck, deploy, volumes = [] }] of Object.entries(compose.services)) {
      expect([name, healthcheck?.test[0]]).toEqual([name, "CMD"]);
      expect([name, deploy?.resources.limits.memory]).toEqual([name, "4G"]);
      const declared = volumes.every((volume) => (volume.split(":")[0] ?? "") in compose.volumes);
      expect([name, volumes.length > 0 && declared]).toEqual([name, true]);
    }
  });

  test("sets what the configuration knows, and what it says of the store is right", () => {
    using folder = temporaryFolder();
    for (const [name, store] of [
      ["kowalski", "embedded"],
      ["kowalski-mongo", "mongodb://mongo:27017/kowalski?replicaSet=rs0"],
    ] as const) {
      const env = { ...compose.services[name]?.environment, ...proxy.services[name]?.environment };
      const { config } = loadConfig({ env, cwd: folder.path });
      expect(config.store).toBe(store);
      expect(config.kafka["bootstrap.servers"]).toBe("kafka:9092");
      expect(config.server.trusted_proxies).toEqual(["172.30.240.2"]);
    }
  });

  test("shows by example what the configuration takes", () => {
    using folder = temporaryFolder();
    const [, sources] = /# KOWALSKI_SOURCES: '(.*)'/.exec(read("docker-compose.yaml")) ?? [];
    const { config } = loadConfig({ env: { KOWALSKI_SOURCES: sources }, cwd: folder.path });
    expect(config.sources[0]?.topics).toEqual(["ztf_{date}_programid{1,2,3}"]);
  });
});

describe("docker-compose.traefik.yaml", () => {
  test("needs a domain and an address for mail, and nothing else", () => {
    const wanted = new Set([...proxyText.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name));
    expect([...wanted].sort()).toEqual(["ACME_EMAIL", "KOWALSKI_DOMAIN"]);
  });

  test("lets Kowalski reach its own network too, and limits bodies as the server does", () => {
    const { server } = loadConfig({ env: {}, cwd: "/" }).config;
    for (const name of ["kowalski", "kowalski-mongo"]) {
      const { networks, labels } = proxy.services[name] ?? {};
      expect(networks).toEqual(["default", "proxy"]);
      expect(labels).toContain(
        `traefik.http.middlewares.kowalski-body.buffering.maxrequestbodybytes=${server.max_body_bytes}`,
      );
    }
  });
});
