/** The real API on a real store in a folder of its own, and tables of scenarios that are asked of it. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Double } from "bson";
import { Accounts, type Api, openApi } from "../../src/api/index.ts";
import { tokenCodec } from "../../src/api/tokens.ts";
import { CatalogJobs } from "../../src/catalogs/index.ts";
import { type Config, type ServerConfig, schema } from "../../src/config/index.ts";
import { Filters, Trials } from "../../src/filters/index.ts";
import type { Document } from "../../src/query/index.ts";
import {
  type AlertRecord,
  embeddedEncoder,
  openEmbeddedStore,
  openEmbeddedWriter,
  type Store,
} from "../../src/store/index.ts";
import { surveyByName } from "../../src/surveys/index.ts";
import { createLog, Health, Metrics } from "../../src/telemetry/index.ts";
import { temporaryFolder } from "./folders.ts";

export const ADMIN_PASSWORD = "correct horse battery staple";
/** Passwords of the users that are there from the start. */
export const USERS = { ada: "ada's password", bea: "bea's password" } as const;
export const JWT_SECRET = "a key for tests that is longer than the hash";

/** Who asks: the administrator, `ada` who sees all alerts, `bea` who sees the public ones, or nobody. */
export type Who = "admin" | keyof typeof USERS | "nobody";

export interface TestApi {
  readonly url: string;
  /** What the application answers, e.g. `GET /api/users/:username`. */
  readonly routes: readonly string[];
  readonly store: Store;
  readonly accounts: Accounts;
  readonly dataDir: string;
  /** Lines of the log, as JSON. */
  readonly log: readonly string[];
  readonly tokens: ReadonlyMap<Who, string>;
  /** Sends a request; `body` is JSON text, or a value that becomes one. */
  ask(
    who: Who,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  close(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface TestApiOptions {
  readonly server?: Partial<ServerConfig>;
  readonly queries?: Partial<Config["queries"]>;
  readonly skymaps?: Partial<Config["skymaps"]>;
  readonly alerts?: readonly AlertRecord[];
}

/** Opens the API with the administrator, `ada` and `bea`, and a token for each. */
export async function openTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const folder = temporaryFolder();
  const dataDir = folder.path;
  const log: string[] = [];
  const store = await openEmbeddedStore({ dataDir });
  await writeAlerts(dataDir, options.alerts ?? []);
  const defaults = schema.default;
  const server = {
    ...defaults.server,
    port: 0,
    admin_password: ADMIN_PASSWORD,
    jwt_secret: JWT_SECRET,
    ...options.server,
  };
  const accounts = new Accounts(store, { username: "admin", password: ADMIN_PASSWORD });
  await Promise.all([
    accounts.add({ username: "admin", password: ADMIN_PASSWORD }),
    accounts.add({ username: "ada", password: USERS.ada }),
    accounts.add({ username: "bea", password: USERS.bea, permissions: { ZTF: [1] } }),
  ]);
  const api: Api = await openApi({
    store,
    filters: new Filters(store, {
      trials: new Trials({ kind: "embedded", dataDir }),
      maxShare: 0.01,
      minMatches: 10,
    }),
    catalogs: { jobs: new CatalogJobs({ kind: "embedded", dataDir }), folder: join(dataDir, "incoming") },
    config: {
      server,
      queries: { ...defaults.queries, ...options.queries },
      skymaps: { ...defaults.skymaps, ...options.skymaps },
    },
    log: createLog({ level: "debug", stream: "stdout", pretty: false, write: (line) => log.push(line) }).log,
    metrics: new Metrics(),
    health: new Health(),
  });
  const tokens = new Map<Who, string>();
  const opened: TestApi = {
    url: api.url,
    routes: api.routes,
    store,
    accounts,
    dataDir,
    log,
    tokens,
    async ask(who, method, path, body, headers = {}) {
      const token = tokens.get(who);
      const answer = await fetch(api.url + path, {
        method,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        redirect: "manual",
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    },
    async close() {
      await api.stop();
      await store.close();
      folder[Symbol.dispose]();
    },
  };
  // Without logging in, which takes its time on purpose.
  const codec = tokenCodec(JWT_SECRET, server.token_expiry_days);
  for (const who of ["admin", "ada", "bea"] as const) {
    const { passwordStamp: stamp = 0 } = (await accounts.find(who)) ?? {};
    tokens.set(who, await codec.sign({ user_id: who, stamp, created_at: new Date().toISOString() }));
  }
  return opened;
}

/** The token of a login's answer. */
export function tokenOf(answer: Answer): string {
  const { token } = JSON.parse(answer.text) as { token?: string };
  if (token === undefined) throw new Error(`no token in ${answer.text}`);
  return token;
}

async function writeAlerts(dataDir: string, alerts: readonly AlertRecord[]): Promise<void> {
  const writer = await openEmbeddedWriter({ dataDir });
  const encoder = embeddedEncoder();
  const encoded = alerts.map((record) => encoder.encode(record));
  await writer.write({ alerts: encoded, deadLetters: [], outbox: [], positions: [] });
  await writer.close();
}

/** A ZTF alert made by hand, with two rows of history: a public one and one of the partnership. */
export function ztfAlert(
  candid: bigint,
  objectId: string,
  given: { programid?: number; drb?: number; jd?: number; ra?: number; dec?: number; fields?: Document } = {},
): AlertRecord {
  const ztf = surveyByName("ztf");
  if (ztf === undefined) throw new Error("no survey ZTF");
  const { programid = 1, drb = 0.5, jd = 2460000.5, ra = 150.25, dec = 2.5, fields = {} } = given;
  const rows = [1, 2].map((program) => ({
    jd: jd - program,
    candid: null,
    magpsf: 18.5,
    programid: program,
  }));
  return {
    survey: "ZTF",
    collections: ztf.collections,
    candid,
    objectId,
    jd,
    document: {
      _id: candid,
      candid,
      objectId,
      schemavsn: "4.02",
      candidate: { jd, ra, dec, drb, fid: 1, magpsf: 18.25, programid, exptime: new Double(30), rb: null },
      coordinates: { radec_geojson: { type: "Point", coordinates: [ra - 180, dec] } },
      classifications: {},
      ...fields,
    },
    histories: [
      {
        field: "prv_candidates",
        merge: "first-seen",
        rows,
        keys: rows.map((row) => `${row.jd}`),
        jds: rows.map((row) => row.jd),
        startsRecord: true,
      },
    ],
    cutouts: [{ field: "cutoutScience", fileName: "science.fits.gz", data: new Uint8Array([1, 2, 3]) }],
  };
}

/** One line of a contract. */
export interface Scenario {
  readonly name: string;
  /** The administrator unless told. */
  readonly as?: Who;
  /** `GET /path` */
  readonly ask: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  /** What the body contains, as text or pattern. */
  readonly has?: readonly (string | RegExp)[];
  /** What it must not contain. */
  readonly hasNot?: readonly (string | RegExp)[];
  /** The whole `data` of the answer as JSON text. */
  readonly data?: string;
  /** What the request has done, or what else is seen of the answer. */
  readonly effect?: (api: TestApi, answer: Answer) => void | Promise<void>;
}

/** One test for each scenario, in order, on the API that `opened` gives. */
export function scenarios(opened: () => TestApi, table: readonly Scenario[]): void {
  for (const scenario of table) {
    test(`${scenario.name}: ${scenario.ask} as ${scenario.as ?? "admin"} → ${scenario.status}`, async () => {
      const api = opened();
      const [method = "GET", path = "/"] = scenario.ask.split(" ");
      const answer = await api.ask(scenario.as ?? "admin", method, path, scenario.body, scenario.headers);
      expect(`${answer.status} ${answer.text}`).toStartWith(`${scenario.status} `);
      checkEnvelope(answer, method);
      for (const part of scenario.has ?? []) expect(answer.text).toMatch(part);
      for (const part of scenario.hasNot ?? []) expect(answer.text).not.toMatch(part);
      if (scenario.data !== undefined) expect(dataText(answer.text)).toBe(scenario.data);
      await scenario.effect?.(api, answer);
    });
  }
}

/** Every JSON answer is one of the two envelopes, and an error says something. */
function checkEnvelope(answer: Answer, method: string): void {
  if (method === "HEAD" || !(answer.headers.get("content-type") ?? "").startsWith("application/json")) {
    expect(answer.status).toBeLessThan(400);
    return;
  }
  const { status, message } = JSON.parse(answer.text) as Record<string, unknown>;
  if (status === undefined) return;
  expect(status).toBe(answer.status < 400 ? "success" : "error");
  expect(typeof message).toBe("string");
}

/** `data` as it stands in the text: parsing would lose the digits of an int64. */
export function dataText(text: string): string {
  const start = text.indexOf('"data":');
  return start < 0 ? "(no data)" : text.slice(start + '"data":'.length, -1);
}
