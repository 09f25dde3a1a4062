/** Files of the executable on disk: private, whole, and mended. */
import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheFolders, unpack } from "../../src/enrich/scores/unpack.ts";
import { temporaryFolder } from "../support/folders.ts";

const TEXTS = { "a.node": "the binding", "b.so.1": "the library" };

/** Packed files in a folder. */
function packedFiles(folder: string) {
  return Object.entries(TEXTS).map(([name, text]) => {
    const path = join(folder, `${name}.zst`);
    writeFileSync(path, Bun.zstdCompressSync(text));
    return { name, path, sha256: new Bun.CryptoHasher("sha256").update(text).digest("hex") };
  });
}

function contents(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

describe("unpacked files", () => {
  test("lie beside each other, for their user only, and stay where they are", () => {
    using scratch = temporaryFolder();
    const files = packedFiles(scratch.path);
    const folder = unpack(files, join(scratch.path, "cache"));
    expect(contents(folder)).toEqual(TEXTS);
    const modes = [folder, join(folder, "a.node")].map((path) => statSync(path).mode & 0o777);
    expect(modes).toEqual([0o700, 0o600]);
    const { ino } = statSync(join(folder, "b.so.1"));
    expect(unpack(files, join(scratch.path, "cache"))).toBe(folder);
    expect(statSync(join(folder, "b.so.1")).ino).toBe(ino);
  });

  test("that were changed are replaced, and an open folder is closed", () => {
    using scratch = temporaryFolder();
    const files = packedFiles(scratch.path);
    const folder = unpack(files, scratch.path);
    writeFileSync(join(folder, "a.node"), "something else");
    chmodSync(folder, 0o777);
    unpack(files, scratch.path);
    expect(contents(folder)).toEqual(TEXTS);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test("another version has a folder of its own", () => {
    using scratch = temporaryFolder();
    const [first, second] = packedFiles(scratch.path);
    if (first === undefined || second === undefined) throw new Error("two files expected");
    expect(unpack([first, second], scratch.path)).not.toBe(unpack([first], scratch.path));
  });

  test("a link in the folder's place is not followed", () => {
    using scratch = temporaryFolder();
    const files = packedFiles(scratch.path);
    const folder = unpack(files, join(scratch.path, "good"));
    const elsewhere = join(scratch.path, "elsewhere");
    mkdirSync(elsewhere);
    mkdirSync(join(scratch.path, "bad"));
    symlinkSync(elsewhere, folder.replace("/good/", "/bad/"));
    expect(() => unpack(files, join(scratch.path, "bad"))).toThrow("not a folder");
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("what is damaged inside the executable is told", () => {
    using scratch = temporaryFolder();
    const files = packedFiles(scratch.path).map((file) => ({ ...file, sha256: "0".repeat(64) }));
    expect(() => unpack(files, join(scratch.path, "cache"))).toThrow("a.node is damaged");
  });

  test("go to the user's cache, else to the data folder", () => {
    expect(cacheFolders("/data", { XDG_CACHE_HOME: "/caches" })).toEqual(["/caches/kowalski", "/data/cache"]);
    expect(cacheFolders("/data", {})[0]).toEndWith("/.cache/kowalski");
  });
});
