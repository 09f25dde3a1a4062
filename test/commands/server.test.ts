/** What of its sources keeps a server from being ready. */
import { expect, test } from "bun:test";
import type { SourceState } from "../../src/broker/index.ts";
import { sourceTroubles } from "../../src/commands/server.ts";

const NOW = 1_800_000_000_000;
const state = (name: string, more: Partial<SourceState> = {}): SourceState => ({
  name,
  state: "reading",
  bytesRead: 0,
  bytesTotal: undefined,
  ...more,
});

test("sources that read, and brokers that answered a moment ago, are no trouble", () => {
  expect(sourceTroubles([state("/packets"), state("kafka:g:ztf", { answeredAt: NOW - 9000 })], NOW)).toEqual(
    [],
  );
});

test("brokers that do not answer are named with their source, once for all its members, and for how long", () => {
  const members = [NOW - 25_000, NOW - 26_200, NOW - 1000].map((answeredAt) =>
    state("kafka:g:ztf", { answeredAt }),
  );
  expect(sourceTroubles([...members, state("kafka:g:lsst", { answeredAt: NOW })], NOW)).toEqual([
    "kafka:g:ztf: the brokers have not answered for 26 s",
  ]);
});

test("a source that failed says why, once", () => {
  const failed = state("kafka:g:ztf", {
    state: "failed",
    error: "kafka:g:ztf: connection refused",
    answeredAt: NOW - 30_000,
  });
  expect(sourceTroubles([failed, failed, state("/packets", { state: "failed" })], NOW)).toEqual([
    "kafka:g:ztf: connection refused",
    "/packets: failed",
    "kafka:g:ztf: the brokers have not answered for 30 s",
  ]);
});
