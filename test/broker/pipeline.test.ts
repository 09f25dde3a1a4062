/** The way of batches through a store that is away for a moment. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrokerOptions, LogLine } from "../../src/broker/messages.ts";
import { Pipeline, type PipelineParts } from "../../src/broker/pipeline.ts";
import type { SourceSpec } from "../../src/sources/index.ts";
import { type AlertBatch, type AlertWriter, StoreError } from "../../src/store/index.ts";
import { until } from "../sinks/support.ts";

/** Parts that store everything at once; `writer` may do otherwise. */
function partsOf(logged: LogLine[], written: AlertBatch[], writer: Partial<AlertWriter> = {}): PipelineParts {
  return {
    writer: {
      position: async () => undefined,
      async write(batch) {
        written.push(batch);
        return { stored: 0, duplicates: 0, deadLetters: 0 };
      },
      close: async () => {},
      ...writer,
    },
    log: (line) => logged.push(line),
    decode: async () => ({
      names: new Set(),
      filter: async () => ({
        alerts: [],
        faulty: [],
        outbox: [],
        scores: { counts: {}, failures: {} },
        buffers: [],
      }),
    }),
  };
}

function optionsOf(folder: string, source: SourceSpec): BrokerOptions {
  return {
    store: { kind: "embedded", dataDir: folder },
    downloads: folder,
    sources: [source],
    workers: 1,
    batchPackets: 10,
    cutouts: "all",
    crossMatches: { catalogs: {}, dataDir: folder },
    sequential: false,
    fromStart: false,
    retryMs: Number.MAX_SAFE_INTEGER,
  };
}

test("a store that is away when a source begins is waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-pipeline-"));
  writeFileSync(join(folder, "packet.avro"), "a packet that nobody decodes here");
  const written: AlertBatch[] = [];
  const logged: LogLine[] = [];
  let asked = 0;
  const parts = partsOf(logged, written, {
    async position() {
      if (asked++ === 0) throw new StoreError("MongoDB cannot be reached");
      return undefined;
    },
  });
  await new Pipeline(optionsOf(folder, { location: folder }), parts).run();
  rmSync(folder, { recursive: true });
  expect(logged.map(({ message }) => message)).toEqual(["MongoDB cannot be reached"]);
  expect(written.map(({ positions }) => positions.map(({ done }) => done))).toEqual([[true]]);
});

test("a source that worked again and then fails is tried again as soon as at first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-pipeline-"));
  const watched = join(folder, "incoming");
  const written: AlertBatch[] = [];
  const logged: LogLine[] = [];
  const pipeline = new Pipeline(
    optionsOf(folder, { location: watched, watch: true }),
    partsOf(logged, written),
  );
  const running = pipeline.run();
  await until("it failed three times", () => logged.length === 3);
  mkdirSync(watched);
  writeFileSync(join(watched, "packet.avro"), "a packet that nobody decodes here");
  await until("the packet is stored", () => written.length === 1);
  rmSync(watched, { recursive: true });
  await until("it failed again", () => logged.length === 4);
  const failed = performance.now();
  mkdirSync(watched);
  await until("it reads again", () => pipeline.stats().sources[0]?.state === "reading");
  // A quarter of a second; after a fourth failure in a row it would be two.
  expect(performance.now() - failed).toBeLessThan(1500);
  pipeline.stop();
  await running;
  rmSync(folder, { recursive: true });
});

test("behind a batch that cannot be written nothing of its source is written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-pipeline-"));
  for (let n = 0; n < 5; n++) writeFileSync(join(folder, `${n}.avro`), "a packet that nobody decodes here");
  let asked = 0;
  const parts = partsOf([], [], {
    async write() {
      if (++asked === 2) throw new Error("the store is broken");
      return { stored: 0, duplicates: 0, deadLetters: 0 };
    },
  });
  const options = { ...optionsOf(folder, { location: folder }), batchPackets: 1 };
  const pipeline = new Pipeline(options, parts);
  await expect(pipeline.run()).rejects.toThrow("the store is broken");
  await Bun.sleep(50);
  rmSync(folder, { recursive: true });
  expect(asked).toBe(2);
  expect(pipeline.stats().packets).toBe(1);
});

test("how long brokers have been silent does not begin anew when their source does", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-pipeline-"));
  const logged: LogLine[] = [];
  // No broker at all fails at once.
  const kafka = { brokers: [], topics: ["ztf"], group: "kowalski", start: "earliest" } as const;
  const began = Date.now();
  const pipeline = new Pipeline(optionsOf(folder, { location: "kafka:ztf", kafka }), partsOf(logged, []));
  const silentSince = () => pipeline.stats().sources[0]?.answeredAt ?? 0;
  const first = silentSince();
  expect(first).toBeGreaterThanOrEqual(began);
  const running = pipeline.run();
  await until("it failed three times", () => logged.length === 3);
  expect(silentSince()).toBe(first);
  pipeline.stop();
  await running;
  rmSync(folder, { recursive: true });
});
