/** The checks of `kowalski check` that need nothing to be there. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { checks } from "../../src/commands/checks.ts";
import { loadConfig } from "../../src/config/index.ts";
import { temporaryFolder } from "../support/folders.ts";

/** Runs one check of a configuration. */
async function check(name: string, yaml: string, timeoutMs: number): Promise<string> {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, "config.yaml"), yaml);
  const found = checks(loadConfig({ cwd: folder.path, env: {} })).find((one) => one.name === name);
  if (found === undefined) throw new Error(`no check is named ${name}`);
  return found.run(AbortSignal.timeout(timeoutMs), timeoutMs);
}

/** A server that takes connections and keeps silent; its port. */
async function silentServer(): Promise<{ port: number } & Disposable> {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, [Symbol.dispose]: () => void server.close() };
}

describe("a source that reads topics", () => {
  test("says that no brokers are configured", async () => {
    await expect(check("sources[0]", "sources: [{topics: [ztf]}]", 1000)).rejects.toThrow(
      "kafka.bootstrap.servers: not set",
    );
  });

  test("says that a broker does not answer, within the time limit", async () => {
    using silent = await silentServer();
    const yaml = `kafka: {bootstrap.servers: "127.0.0.1:${silent.port}"}\nsources: [{topics: [ztf]}]`;
    const began = performance.now();
    await expect(check("sources[0]", yaml, 300)).rejects.toThrow(`127.0.0.1:${silent.port}: no answer`);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

test.each(["store", "catalogues"])(
  "%s: says that MongoDB does not answer, within the time limit",
  async (name) => {
    using silent = await silentServer();
    const began = performance.now();
    await expect(check(name, `store: mongodb://127.0.0.1:${silent.port}`, 300)).rejects.toThrow("MongoDB");
    expect(performance.now() - began).toBeLessThan(5000);
  },
);
