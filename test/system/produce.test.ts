/** `kowalski produce` where it cannot do what it should: brokers that are away, names that are none, files that are not. */
import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import kafkajs from "kafkajs";
import { executable, runExecutable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startKafka } from "../support/kafka.ts";
import { skipOrFail } from "../support/services.ts";

const kafka = await startKafka();
const skip = skipOrFail("a Kafka broker", typeof kafka !== "string", String(kafka));
const folder = temporaryFolder();
afterAll(async () => {
  if (typeof kafka !== "string") await kafka.stop();
  folder[Symbol.dispose]();
});

const data = ["--data-dir", join(folder.path, "data")];

test("an interrupt while no broker answers ends it at once", async () => {
  const words = ["produce", "--simulate", "1", "--topic", "x", "--servers", "127.0.0.1:9", ...data];
  const child = Bun.spawn([await executable(), ...words], { stdout: "pipe", stderr: "pipe" });
  await Bun.sleep(1500);
  const began = performance.now();
  child.kill("SIGTERM");
  expect(await child.exited).toBe(1);
  expect(performance.now() - began).toBeLessThan(5000);
  expect(await new Response(child.stderr).text()).toContain("interrupted: no broker of 127.0.0.1:9");
});

describe.skipIf(skip)("at a broker", () => {
  const broker = typeof kafka === "string" ? "" : kafka.broker;
  const produce = (...words: string[]) => runExecutable(["produce", ...words, "--servers", broker, ...data]);

  test("a name that no topic may have is told with the broker's reason", async () => {
    const { code, stderr } = await produce("--simulate", "1", "--topic", "a b");
    expect(code).toBe(1);
    expect(stderr).toContain("kowalski: topic a b cannot be made: ");
    expect(stderr).toContain("invalid topic");
  });

  test("a path that leads nowhere is told before a topic is made or a packet published", async () => {
    const there = join(folder.path, "packet.avro");
    writeFileSync(there, "a packet");
    const { code, stderr } = await produce(there, "/does/not/exist", "--topic", "nothing");
    expect([code, stderr]).toEqual([1, "kowalski: /does/not/exist: there is no such file or folder\n"]);
    const client = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
    const admin = client.admin();
    await admin.connect();
    expect(await admin.listTopics()).not.toContain("nothing");
    await admin.disconnect();
  });
});
