import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archiveMembers } from "../../src/sources/archive.ts";
import { fileSource } from "../../src/sources/files.ts";
import { listByArrival, listByName } from "../../src/sources/items.ts";
import type { PacketBatch } from "../../src/sources/source.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type NamedPacket, tarGzOf, tarOf } from "../support/packets.ts";

/** The members of an archive with memory of their own. */
function membersOf(path: string, skip = 0) {
  const room = (size: number) => new Uint8Array(size);
  return archiveMembers(path, { skip, packetBytes: 1000, onBytes: () => {}, room });
}

const folders: Disposable[] = [];

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder.path;
}

afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const packet = (name: string): NamedPacket => ({ name, bytes: new TextEncoder().encode(`bytes of ${name}`) });
const LIMITS = { packets: 2, bytes: 1_000_000, packetBytes: 1000 };

function batchesOf(path: string, position?: string): Promise<PacketBatch[]> {
  return Array.fromAsync(
    fileSource(path, { limits: LIMITS }).batches(position, new AbortController().signal),
  );
}

const packetsOf = (batches: readonly PacketBatch[]) =>
  batches.flatMap(({ packets }) => packets.map(({ bytes }) => text(bytes)));

describe("archives", () => {
  test("yield their packets from any on, and nothing else", async () => {
    const folder = newFolder();
    const names = ["a.avro", "deep/er/b.avro", "c.AVRO"];
    const others = [packet("notes.txt"), packet("._a.avro.swp")];
    for (const [file, bytes] of [
      ["x.tar", await tarOf([...names.map(packet), ...others])],
      ["x.tar.gz", await tarGzOf([...names.map(packet), ...others])],
    ] as const) {
      const path = join(folder, file);
      writeFileSync(path, bytes);
      for (let skip = 0; skip <= names.length; skip++) {
        const members = await Array.fromAsync(membersOf(path, skip));
        expect(members.map(({ name }) => name)).toEqual(names.slice(skip));
        expect(members.map(({ bytes }) => text(bytes))).toEqual(
          names.slice(skip).map((n) => `bytes of ${n}`),
        );
      }
    }
  });

  test("keep only the beginning of a packet that is too large", async () => {
    const path = join(newFolder(), "x.tar");
    const large = { name: "large.avro", bytes: new Uint8Array(200_000) };
    writeFileSync(path, await tarOf([packet("a.avro"), large, packet("b.avro")]));
    const members = await Array.fromAsync(membersOf(path));
    expect(members.map(({ oversized }) => oversized)).toEqual([undefined, 200_000, undefined]);
    expect(members[1]?.bytes.length).toBe(65_536);
    expect(text(members[2]?.bytes ?? new Uint8Array())).toBe("bytes of b.avro");
  });

  test("torn anywhere give the packets before the tear and an error that names them", async () => {
    const folder = newFolder();
    const whole = await tarGzOf(Array.from({ length: 50 }, (_, n) => packet(`${n}.avro`)));
    for (const share of [0, 0.1, 0.5, 0.9, 0.999]) {
      const path = join(folder, "torn.tar.gz");
      writeFileSync(path, whole.subarray(0, Math.floor(share * whole.length)));
      const read: string[] = [];
      let message = "";
      try {
        for await (const { name } of membersOf(path)) read.push(name);
      } catch (error) {
        message = String(error);
      }
      expect(message).toContain(`torn or no archive after ${read.length} packets`);
      expect(read).toEqual(read.map((_, n) => `${n}.avro`));
    }
  });
});

describe("folders", () => {
  test("are read in the order of names, in batches, and from any position on", async () => {
    const folder = newFolder();
    mkdirSync(join(folder, "night"));
    for (const name of ["b.avro", "a.avro", "night/c.avro"])
      writeFileSync(join(folder, name), `bytes of ${name}`);
    writeFileSync(join(folder, "d.tar"), await tarOf(["1.avro", "2.avro", "3.avro"].map(packet)));
    writeFileSync(join(folder, "ignored.txt"), "");
    expect(listByName(folder).map(({ name }) => name)).toEqual(["a.avro", "b.avro", "d.tar", "night/c.avro"]);
    const batches = await batchesOf(folder);
    const all = ["a.avro", "b.avro", "1.avro", "2.avro", "3.avro", "night/c.avro"].map(
      (n) => `bytes of ${n}`,
    );
    expect(packetsOf(batches)).toEqual(all);
    expect(batches.every(({ packets }) => packets.length <= LIMITS.packets)).toBe(true);
    expect(batches.map(({ done }) => done)).toEqual(batches.map((_, n) => n === batches.length - 1));
    let before = 0;
    for (const { packets, position } of batches) {
      before += packets.length;
      expect(packetsOf(await batchesOf(folder, position))).toEqual(all.slice(before));
    }
  });

  test("tell of files that are too large without reading them", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "large.avro"), new Uint8Array(5000));
    const [batch] = await batchesOf(folder);
    expect(batch?.packets[0]?.fault).toMatchObject({ reason: "OversizedPacketError" });
    expect(batch?.packets[0]?.bytes.length).toBe(0);
  });

  test("that are watched list a file once it has not changed for a while", () => {
    const folder = newFolder();
    writeFileSync(join(folder, "a.avro"), "a");
    const now = Date.now();
    expect(listByArrival(folder, now)).toEqual([]);
    expect(listByArrival(folder, now + 3000).map(({ name }) => name)).toEqual(["a.avro"]);
    expect(() => listByArrival(join(folder, "a.avro"))).toThrow("only a folder can be watched");
    rmSync(join(folder, "a.avro"));
    expect(listByArrival(folder, now + 3000)).toEqual([]);
  });
});

test("a link that leads to itself is a packet that cannot be read, and keeps nobody from the rest", async () => {
  const folder = newFolder();
  symlinkSync("b.avro", join(folder, "b.avro"));
  for (const name of ["a.avro", "c.avro"]) writeFileSync(join(folder, name), name);
  const packets = (await batchesOf(folder)).flatMap((batch) => batch.packets);
  expect(packets.map(({ place, fault }) => [place, fault?.reason])).toEqual([
    ["a.avro", undefined],
    ["b.avro", "UnreadableFileError"],
    ["c.avro", undefined],
  ]);
});
