/** Imports between rooms point downward only, as the house is laid out in the design. */
import { describe, expect, test } from "bun:test";
import { dirname, join } from "node:path";

const SOURCES = join(import.meta.dir, "..", "src");

/** From the top down: a room may import from those after it. `main.ts` is above all. */
const ROOMS = [
  "commands",
  "api",
  "web",
  "broker",
  "sources",
  "sinks",
  "filters",
  "enrich",
  "cutouts",
  "lightcurves",
  "catalogs",
  "surveys",
  "store",
  "query",
  "kafka",
  "avro",
  "sky",
  "config",
  "telemetry",
];
/** These could be libraries of their own: they import nothing of the project. */
const PURE = new Set(["query", "avro", "sky"]);

const IMPORT = /(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"|new URL\(\s*"(\.{1,2}\/[^"]+)"/g;

/** Why a file may not import a path of the project, or `undefined` when it may. */
function objection(file: string, imported: string): string | undefined {
  const room = roomOf(file);
  const target = roomOf(join(dirname(file), imported));
  if (target === undefined) return undefined;
  if (room === undefined || room === target) return undefined;
  if (PURE.has(room)) return `${file} imports ${target}: ${room} imports nothing of the project`;
  if (ROOMS.indexOf(target) > ROOMS.indexOf(room)) return undefined;
  return `${file} imports ${target}, which is above ${room}`;
}

/** The room a path below `src` belongs to; none for `main.ts` and for files outside, such as package.json. */
function roomOf(path: string): string | undefined {
  const [first, second] = path.split("/");
  return first === undefined || first === ".." || second === undefined ? undefined : first;
}

const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: SOURCES })].sort();

describe("rooms", () => {
  test("every folder of src is a room of the design", () => {
    const known = new Set(ROOMS);
    expect(files.map(roomOf).filter((room) => room !== undefined && !known.has(room))).toEqual([]);
  });

  test("no room imports upward", async () => {
    const wrong: string[] = [];
    for (const file of files) {
      const text = await Bun.file(join(SOURCES, file)).text();
      for (const [, from, url] of text.matchAll(IMPORT)) {
        const why = objection(file, from ?? url ?? "");
        if (why !== undefined) wrong.push(why);
      }
    }
    expect(wrong).toEqual([]);
  });

  test("the rule sees what it must", () => {
    expect(objection("store/embedded/find.ts", "../../query/index.ts")).toBeUndefined();
    expect(objection("store/store.ts", "../broker/index.ts")).toContain("above store");
    expect(objection("query/plan.ts", "../telemetry/log.ts")).toContain("nothing of the project");
  });
});
