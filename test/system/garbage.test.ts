/** A thousand spoiled packets among good ones: each good one is stored, each bad one is a dead letter or harmless. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openContainer } from "../../src/avro/index.ts";
import { cleanEnvironment, executable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { watchMemory } from "../support/memory.ts";
import { Copier, type NamedPacket, realPackets } from "../support/packets.ts";
import { randomNumbers } from "../support/random.ts";
import { sharedDir } from "../support/shared.ts";
import { storedDocuments, withStore } from "../support/stored.ts";

const SPOILED = 1000;
const GOOD = 300;
const MOST_MEGABYTES = 400;
const SEED = Number(process.env["KOWALSKI_GARBAGE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

const hasPackets = sharedDir() !== undefined;
if (!hasPackets) process.stderr.write("skipped: spoiled packets (no ../shared beside this checkout)\n");

/** One of the ways in which a packet gets spoiled. */
function spoil(bytes: Uint8Array, other: Uint8Array, random: () => number): Uint8Array {
  const at = (length: number) => Math.floor(random() * length);
  const copy = bytes.slice();
  const header = headerLength(bytes);
  const flip = (start: number, length: number) => {
    for (let i = 1 + at(4); i > 0; i--) {
      const position = start + at(length);
      copy[position] = (copy[position] ?? 0) ^ (1 << at(8));
    }
    return copy;
  };
  switch (at(7)) {
    case 0:
      return flip(0, copy.length);
    case 1:
      return flip(0, header);
    case 2:
      // The first fields and the history: behind them are the stamps, where little can go wrong.
      return flip(header, 8000);
    case 3:
      return copy.subarray(0, at(copy.length));
    case 4:
      return Buffer.concat([copy.subarray(0, at(copy.length)), other.subarray(at(other.length))]);
    case 5:
      return Uint8Array.from({ length: at(5000) }, () => at(256));
    default:
      // The right beginning, and then chance: lengths that promise gigabytes.
      for (let i = 0; i < 50; i++) copy[header + at(2000)] = at(256);
      return copy;
  }
}

/** Bytes up to the end of the schema. */
function headerLength(bytes: Uint8Array): number {
  const { schema } = openContainer(bytes);
  return schema.byteOffset - bytes.byteOffset + schema.length;
}

/** Candids of a packet as far as it can be read; none when it cannot. */
function readableCandids(bytes: Uint8Array): bigint[] {
  const candids: bigint[] = [];
  try {
    for (const { candid } of openContainer(bytes).records()) {
      if (typeof candid === "bigint") candids.push(candid);
    }
  } catch {
    // It is spoiled from here on.
  }
  return candids;
}

describe.if(hasPackets)("spoiled packets", () => {
  const folder = temporaryFolder();
  const dataDir = join(folder.path, "data");
  const good: NamedPacket[] = [];
  let summary = {
    packets: 0,
    stored: 0,
    duplicates: 0,
    deadLetters: 0,
    reasons: {} as Record<string, number>,
  };
  let megabytes = 0;
  let code = -1;

  beforeAll(async () => {
    process.stderr.write(`spoiled packets: KOWALSKI_GARBAGE_SEED=${SEED}\n`);
    const random = randomNumbers(SEED);
    const copiers = realPackets().map(({ bytes }, n) => new Copier(bytes, n));
    const pick = (): NamedPacket => {
      const copier = copiers[Math.floor(random() * copiers.length)];
      if (copier === undefined) throw new Error("no packets");
      return copier.packet();
    };
    const source = join(folder.path, "packets");
    mkdirSync(source);
    for (let i = 0; i < GOOD + SPOILED; i++) {
      // Names mix the good with the bad.
      const name = join(source, `${Math.floor(random() * 1e9)}-${i}.avro`);
      if (i < GOOD) {
        const packet = pick();
        good.push(packet);
        writeFileSync(name, packet.bytes);
      } else writeFileSync(name, spoil(pick().bytes, pick().bytes, random));
    }
    const child = Bun.spawn([await executable(), "ingest", "--json", "--data-dir", dataDir, source], {
      env: cleanEnvironment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    const watch = watchMemory(child.pid);
    summary = JSON.parse(await new Response(child.stdout).text()) as typeof summary;
    code = await child.exited;
    megabytes = watch.stop();
    process.stderr.write(
      `spoiled packets: ${summary.deadLetters} dead letters, ${Math.round(megabytes)} MB\n`,
    );
  }, 120_000);

  afterAll(() => folder[Symbol.dispose]());

  test("do not stop ingest, nor take memory", () => {
    expect(code).toBe(0);
    expect(summary.packets).toBe(GOOD + SPOILED);
    // Told where there is /proc.
    if (!Number.isNaN(megabytes)) expect(megabytes).toBeLessThan(MOST_MEGABYTES);
  });

  test("do not touch the good ones", async () => {
    const missing = await withStore(dataDir, async (store) => {
      const candids = good.flatMap(({ bytes }) => readableCandids(bytes));
      const filter = { candid: { $in: candids } };
      const found = new Set<unknown>();
      const options = { collection: "ZTF_alerts", filter, projection: { candid: 1 }, maxTimeMs: 60_000 };
      for await (const { candid } of store.find(options).documents()) found.add(candid);
      return candids.filter((candid) => !found.has(candid));
    });
    expect(missing).toEqual([]);
  });

  test("are dead letters with a reason and their bytes, or valid documents", async () => {
    const letters = await storedDocuments(dataDir, "dead_letters");
    expect(letters.length).toBe(summary.deadLetters);
    expect(letters.length).toBeGreaterThan(SPOILED / 2);
    for (const { reason, message, bytes, place } of letters) {
      expect(String(reason)).toMatch(/^[A-Z]\w+Error$/);
      // Errors of our own, which tell what is wrong with the packet.
      expect(String(reason)).not.toMatch(/^(Type|Range|Reference|Syntax|Internal)?Error$/);
      expect(String(message).length).toBeGreaterThan(10);
      const file = readFileSync(join(folder.path, "packets", String(place)));
      expect(file.equals(bytes as Uint8Array)).toBe(true);
    }
    const counted = Object.values(summary.reasons).reduce((sum, count) => sum + count, 0);
    expect(counted).toBe(summary.deadLetters);
    // A packet is stored, a duplicate, a dead letter, or the last after some of the first two.
    expect(summary.stored + summary.duplicates + summary.deadLetters).toBeGreaterThanOrEqual(summary.packets);
    const alerts = await storedDocuments(dataDir, "ZTF_alerts");
    expect(alerts.length).toBe(summary.stored);
    for (const { _id, candid, objectId, candidate, coordinates } of alerts) {
      expect(typeof candid).toBe("bigint");
      expect(candid).toBe(_id);
      expect(typeof objectId).toBe("string");
      expect(candidate).toBeObject();
      expect(coordinates).toHaveProperty("radec_geojson");
    }
  });
});
