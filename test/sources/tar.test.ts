/** Archives as other programs write them, in chunks of any size. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { pack } from "tar-stream";
import { TarError, TarReader } from "../../src/sources/tar.ts";
import { temporaryFolder } from "../support/folders.ts";

/** What an archive holds, read in chunks of `size` bytes. */
function members(archive: Uint8Array, size = archive.length): { name: string; text: string }[] {
  const reader = new TarReader((member) => new Uint8Array(member.size));
  const found: { name: string; text: string }[] = [];
  for (let at = 0; at < archive.length; at += size) {
    for (const { name, bytes } of reader.read(archive.subarray(at, at + size))) {
      found.push({ name, text: Buffer.from(bytes).toString() });
    }
  }
  reader.end();
  return found;
}

async function packed(entries: readonly { name: string; text: string }[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { name, text } of entries) archive.entry({ name }, text);
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

const LONG = `${"night/".repeat(30)}${"x".repeat(120)}.avro`;
const ENTRIES = [
  { name: "a.avro", text: "first" },
  { name: "empty.avro", text: "" },
  { name: LONG, text: "of a long name" },
  { name: "nächte/ü.avro", text: "x".repeat(1024) },
  { name: "z", text: "y".repeat(1025) },
];

/** The same files written by the system's tar. */
function systemTar(format: string): Uint8Array {
  using folder = temporaryFolder();
  for (const { name, text } of ENTRIES) {
    mkdirSync(join(folder.path, "in", dirname(name)), { recursive: true });
    writeFileSync(join(folder.path, "in", name), text);
  }
  const file = join(folder.path, "x.tar");
  const names = ENTRIES.map(({ name }) => name);
  const { exitCode, stderr } = Bun.spawnSync(
    ["tar", `--format=${format}`, "-cf", file, "night", ...names.filter((name) => name !== LONG)],
    { cwd: join(folder.path, "in") },
  );
  if (exitCode !== 0) throw new Error(stderr.toString());
  return new Uint8Array(readFileSync(file));
}

describe("a tar archive", () => {
  test("is read alike in chunks of any size", async () => {
    const archive = await packed(ENTRIES);
    for (const size of [1, 7, 511, 512, 513, 4096, archive.length]) {
      expect(members(archive, size)).toEqual(ENTRIES);
    }
  });

  test.if(Bun.which("tar") !== null).each(["gnu", "pax", "oldgnu"])(
    "of the %s format is read, long names and all",
    (format) => {
      const sorted = (list: typeof ENTRIES) => list.toSorted((a, b) => a.name.localeCompare(b.name));
      expect(sorted(members(systemTar(format)))).toEqual(sorted(ENTRIES));
    },
  );

  test("splits long names of the ustar format", async () => {
    const name = `${"folder/".repeat(20)}file.avro`;
    const archive = Buffer.from(await packed([{ name, text: "x" }]));
    expect(archive.subarray(345, 352).toString()).toBe("folder/");
    expect(members(archive)).toEqual([{ name, text: "x" }]);
  });

  test("that ends anywhere but behind a member is torn", async () => {
    const archive = await packed([{ name: "a.avro", text: "x".repeat(700) }]);
    for (const length of [1, 511, 513, 512 + 700, 512 + 1023]) {
      expect(() => members(archive.subarray(0, length))).toThrow(new TarError("it ends too early"));
    }
    expect(members(archive.subarray(0, 512 + 1024))).toHaveLength(1);
  });

  test("gives memory only where it is asked to, and no more than it was given", async () => {
    const reader = new TarReader(({ name }) => (name === "z" ? new Uint8Array(10) : undefined));
    const found = [...reader.read(await packed(ENTRIES))];
    expect(found).toEqual([{ name: "z", size: 1025, bytes: new Uint8Array(10).fill(121) }]);
  });

  test("of any bytes ends with an error or members, never with another failure", async () => {
    const archive = await packed(ENTRIES);
    const flips = fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(flips, fc.integer({ min: 1, max: 5000 }), (changes, size) => {
        const bytes = Uint8Array.from(archive);
        for (const [at, value] of changes) bytes[at] = value;
        const reader = new TarReader((member) => new Uint8Array(Math.min(member.size, 100)));
        try {
          for (let at = 0; at < bytes.length; at += size) {
            for (const member of reader.read(bytes.subarray(at, at + size))) {
              expect(member.bytes.length).toBeLessThanOrEqual(100);
            }
          }
          reader.end();
        } catch (error) {
          expect(error).toBeInstanceOf(TarError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
