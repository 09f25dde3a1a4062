/** The way of batches through a store that is away for a moment. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogLine } from "../../src/broker/messages.ts";
import { Pipeline } from "../../src/broker/pipeline.ts";
import { type AlertBatch, type AlertWriter, StoreError } from "../../src/store/index.ts";

test("a store that is away when a source begins is waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kowalski-pipeline-"));
  writeFileSync(join(folder, "packet.avro"), "a packet that nobody decodes here");
  const written: AlertBatch[] = [];
  const logged: LogLine[] = [];
  let asked = 0;
  const writer: AlertWriter = {
    async position() {
      if (asked++ === 0) throw new StoreError("MongoDB cannot be reached");
      return undefined;
    },
    async write(batch) {
      written.push(batch);
      return { stored: 0, duplicates: 0, deadLetters: 0 };
    },
    async close() {},
  };
  const pipeline = new Pipeline(
    {
      store: { kind: "embedded", dataDir: folder },
      downloads: folder,
      sources: [{ location: folder }],
      workers: 1,
      batchPackets: 10,
      cutouts: "all",
      crossMatches: { catalogs: {}, dataDir: folder },
      sequential: false,
      fromStart: false,
      retryMs: Number.MAX_SAFE_INTEGER,
    },
    {
      writer,
      log: (line) => logged.push(line),
      decode: async () => ({
        filter: async () => ({
          alerts: [],
          faulty: [],
          outbox: [],
          scores: { counts: {}, failures: {} },
          buffers: [],
        }),
      }),
    },
  );
  await pipeline.run();
  rmSync(folder, { recursive: true });
  expect(logged.map(({ message }) => message)).toEqual(["MongoDB cannot be reached"]);
  expect(written.map(({ positions }) => positions.map(({ done }) => done))).toEqual([[true]]);
});
