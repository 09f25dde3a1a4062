import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, type LoadOptions, loadConfig } from "../../src/config/index.ts";
import { temporaryFolder } from "../support/folders.ts";

/** Loads from a fresh folder that holds these files; nothing of this machine's environment is seen. */
function load(files: Record<string, string>, options: Omit<LoadOptions, "cwd"> = {}) {
  using folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder.path, name, ".."), { recursive: true });
    writeFileSync(join(folder.path, name), text, { mode: 0o600 });
  }
  return loadConfig({ env: {}, ...options, cwd: folder.path });
}

function errorOf(files: Record<string, string>, options: Omit<LoadOptions, "cwd"> = {}): ConfigError {
  try {
    load(files, options);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
}

describe("precedence", () => {
  test("no file at all gives the defaults, on loopback", () => {
    const { config, notes, configFile, secretsFiles } = load({});
    expect(config.server).toMatchObject({ host: "127.0.0.1", port: 4000, admin_username: "admin" });
    expect(config).toMatchObject({ store: "embedded", cutouts: "all", sources: [] });
    expect(config.data_dir).toEndWith("/kowalski-data");
    expect({ notes, configFile, secretsFiles }).toEqual({
      notes: [],
      configFile: undefined,
      secretsFiles: [],
    });
  });

  test("each layer wins over those below it, key by key", () => {
    const files = {
      "config.yaml": "server: {port: 1001, host: 10.0.0.1, token_expiry_days: 7}\n",
      "secrets.json": '{"server": {"port": 1002, "admin_password": "from the file"}}',
    };
    expect(load(files).config.server).toMatchObject({ port: 1002, host: "10.0.0.1", token_expiry_days: 7 });
    const env = { KOWALSKI_SERVER__PORT: "1003" };
    expect(load(files, { env }).config.server.port).toBe(1003);
    const all = load(files, { env, flags: { port: 1004 } }).config.server;
    expect(all).toMatchObject({ port: 1004, host: "10.0.0.1", admin_password: "from the file" });
  });

  test("secrets of the data folder lie beneath those of the working directory", () => {
    const { config, secretsFiles } = load({
      "kowalski-data/secrets.json": '{"server": {"admin_password": "made", "jwt_secret": "made too"}}',
      "secrets.json": '{"server": {"admin_password": "mine"}}',
    });
    expect(config.server).toMatchObject({ admin_password: "mine", jwt_secret: "made too" });
    expect(secretsFiles.map((file) => file.endsWith("kowalski-data/secrets.json"))).toEqual([true, false]);
  });

  test("the original's top-level key is accepted", () => {
    expect(load({ "config.yaml": "kowalski:\n  server:\n    port: 1234\n" }).config.server.port).toBe(1234);
  });

  test("retired keys are accepted and said to be unused", () => {
    const { notes, config } = load({
      "secrets.json": '{"kafka": {"bootstrap.servers": "a:1", "zookeeper": "b:2"}}',
    });
    expect(config.kafka["bootstrap.servers"]).toBe("a:1");
    expect(notes.join()).toContain("kafka.zookeeper is unused");
  });
});

describe("models", () => {
  const entry = "{file: a.onnx, survey: ZTF, version: v1, inputs: [triplet]}";
  const yaml = (name: string, text: string) => ({ "config.yaml": `models: {${name}: ${text}}\n` });

  test("are read by name, with what is left out", () => {
    expect(load(yaml("braai", entry)).config.models).toEqual({
      braai: {
        file: "a.onnx",
        survey: "ZTF",
        version: "v1",
        inputs: ["triplet"],
        features: [],
        when: undefined,
      },
    });
    expect(load({}).config.models).toEqual({});
  });

  test("come from the environment as JSON, beside those of the file", () => {
    const env = {
      KOWALSKI_MODELS: '{"b": {"file": "b.onnx", "survey": "ZTF", "version": "2", "inputs": ["features"]}}',
    };
    expect(Object.keys(load(yaml("a", entry), { env }).config.models)).toEqual(["a", "b"]);
  });

  test.each([
    ["a", "{file: a.onnx}", "models.a", "survey is missing"],
    ["a", entry.replace("triplet", "triplets"), "models.a.inputs[0]", "one of triplet, features"],
    ["a", entry.replace("v1", "1"), "models.a.version", "expected a text"],
    ["a", entry.replace("file", "path"), "models.a.path", "there is no such key"],
    ["a", entry.replace("}", ", when: 7}"), "models.a.when", "expected an object"],
    ["a", "7", "models.a", "expected an object"],
    ["a-b", entry, "models.a-b", "letters, digits and _"],
    ["_a", entry, "models._a", "beginning with a letter"],
    ["a_version", entry, "models.a_version", "not ending in _version"],
  ])("%s: %s is told", (name, text, path, reason) => {
    const error = errorOf(yaml(name, text));
    expect(error.path).toBe(path);
    expect(error.reason).toContain(reason);
  });
});

describe("environment", () => {
  test("reads every kind of value", () => {
    const { config } = load(
      {},
      {
        env: {
          KOWALSKI_DATA_DIR: "elsewhere",
          KOWALSKI_KAFKA__BOOTSTRAP_SERVERS: "a:1,b:2",
          KOWALSKI_SERVER__TRUSTED_PROXIES: "10.0.0.1, 10.0.0.2",
          KOWALSKI_SOURCES: '[{"path": "/packets", "watch": true}]',
          KOWALSKI_TEST_MONGO: "ignored",
          UNRELATED: "ignored",
        },
      },
    );
    expect(config.data_dir).toEndWith("/elsewhere");
    expect(config.kafka["bootstrap.servers"]).toBe("a:1,b:2");
    expect(config.server.trusted_proxies).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(config.sources).toEqual([
      {
        path: "/packets",
        watch: true,
        url: undefined,
        username: undefined,
        password: undefined,
        topics: [],
        group: "kowalski",
        members: 0,
        start: "earliest",
      },
    ]);
  });

  test("a wrong name is told with the right one", () => {
    const error = errorOf({}, { env: { KOWALSKI_SERVER_PORT: "1" } });
    expect(error.message).toBe(
      "environment: KOWALSKI_SERVER_PORT: there is no such setting, did you mean KOWALSKI_SERVER__PORT?",
    );
  });
});

describe("what is wrong is told with its path and the remedy", () => {
  const cases: [name: string, files: Record<string, string>, parts: string[]][] = [
    [
      "unknown key",
      { "config.yaml": "server: {prot: 1}" },
      ["config.yaml: server.prot: ", "did you mean port?"],
    ],
    ["unknown block", { "config.yaml": "skyprotal: {}" }, ["skyprotal", "did you mean skyportal?"]],
    ["far from any", { "config.yaml": "zzzzzz: 1" }, ["zzzzzz", "known are data_dir, store"]],
    [
      "wrong type",
      { "config.yaml": 'server: {port: "x"}' },
      ["server.port", "an integer from 0 to 65535", '"x" (a string)'],
    ],
    ["out of range", { "config.yaml": "server: {port: 70000}" }, ["server.port", "got 70000"]],
    ["fraction", { "config.yaml": "ingest: {workers: 1.5}" }, ["ingest.workers", "got 1.5"]],
    ["object expected", { "config.yaml": "server: 4000" }, ["server: expected an object with host"]],
    ["list expected", { "config.yaml": "sources: {path: a}" }, ["sources: expected a list"]],
    [
      "in a list",
      { "config.yaml": "sources: [{path: a}, {paht: b}]" },
      ["sources[1].paht", "did you mean path?"],
    ],
    [
      "neither path nor url",
      { "config.yaml": "sources: [{watch: true}]" },
      ["sources[0]", "one of path, url, topics"],
    ],
    ["a choice", { "config.yaml": "cutouts: some" }, ["cutouts", "one of all, matched, none"]],
    ["a store", { "config.yaml": "store: mysql://x" }, ["store", "mongodb://"]],
    ["prototype keys", { "secrets.json": '{"__proto__": {"x": 1}}' }, ["__proto__"]],
  ];
  test.each(cases)("%s", (_, files, parts) => {
    const { message } = errorOf(files);
    for (const part of parts) expect(message).toContain(part);
  });

  test("a broken file tells where, and quotes nothing of it", () => {
    const yaml = errorOf({ "config.yaml": "server:\n  admin_password: [hunter22222\n" }).message;
    expect(yaml).toContain("is not valid YAML (line");
    expect(yaml).not.toContain("hunter");
    const json = errorOf({ "secrets.json": '{"server": {"admin_password": "hunter22222' }).message;
    expect(json).toContain("is not valid JSON");
    expect(json).not.toContain("hunter");
  });

  test("a secret of the wrong type is not shown", () => {
    const { message } = errorOf({ "secrets.json": '{"server": {"admin_password": 424242424242}}' });
    expect(message).toContain("server.admin_password: expected a text, got a number");
    expect(message).not.toContain("4242");
  });

  test("a named file must exist", () => {
    expect(errorOf({}, { flags: { config: "missing.yaml" } }).message).toContain("there is no such file");
  });
});

test("all secret values are known, also those of sources and of the store's address", () => {
  const { secretValues } = load({
    "config.yaml":
      "store: mongodb://ada:store-pass@h/db\nsources: [{url: 'https://x', password: source-pass}]\n",
    "secrets.json": '{"skyportal": {"token": "sky-token"}, "server": {"jwt_secret": "signing-key"}}',
  });
  for (const value of ["store-pass", "source-pass", "sky-token", "signing-key"])
    expect(secretValues).toContain(value);
  expect(load({}).secretValues).toEqual([]);
});

describe("cross-matches", () => {
  const yaml = "cross_matches: {ZTF: {A: {radius_arcsec: 5, filter: {z: {$gt: 1}}}, B: null}, PGIR: null}";

  test("names are free, keys that are left out are not there, null stays", () => {
    expect(load({ "config.yaml": yaml }).config.cross_matches).toEqual({
      ZTF: { A: { radius_arcsec: 5, filter: { z: { $gt: 1 } } }, B: undefined },
      PGIR: undefined,
    });
    expect(load({}).config.cross_matches).toEqual({});
  });

  test("layers are laid over each other key by key", () => {
    const env = {
      KOWALSKI_CROSS_MATCHES: '{"ZTF": {"A": {"radius_arcsec": 7}, "C": {"distance": {"field": "z"}}}}',
    };
    expect(load({ "config.yaml": yaml }, { env }).config.cross_matches["ZTF"]).toEqual({
      A: { radius_arcsec: 7, filter: { z: { $gt: 1 } } },
      B: undefined,
      C: { distance: { field: "z" } },
    });
  });

  test.each([
    ["cross_matches: [A]", "cross_matches: expected an object of names"],
    ["cross_matches: {ZTF: {A: {radius: 5}}}", "cross_matches.ZTF.A.radius: there is no such key"],
    [
      "cross_matches: {ZTF: {A: {radius_arcsec: -5}}}",
      "cross_matches.ZTF.A.radius_arcsec: expected a number from 0",
    ],
    [
      "cross_matches: {ZTF: {A: {filter: [1]}}}",
      "cross_matches.ZTF.A.filter: expected an object, got a list",
    ],
    [
      "cross_matches: {ZTF: {A: {distance: {unit: pc, field: z}}}}",
      "cross_matches.ZTF.A.distance.unit: expected one of",
    ],
    [
      "cross_matches: {ZTF: {A: {distance: {feild: z}}}}",
      "distance.feild: there is no such key, did you mean field?",
    ],
  ])("%s is refused", (text, message) => {
    expect(errorOf({ "config.yaml": text }).message).toContain(message);
  });
});
