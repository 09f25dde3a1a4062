import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Cursor } from "../../src/sources/cursor.ts";
import type { FileItem } from "../../src/sources/items.ts";

function item(name: string, options: Partial<FileItem> = {}): FileItem {
  return { path: `/x/${name}`, name, size: 10, isArchive: true, order: name, group: "", ...options };
}

const names = (items: readonly FileItem[]) => items.map(({ name }) => name);

describe("cursor by name", () => {
  const items = ["a", "b", "c", "d"].map((name) => item(name));

  test("from any point on, each packet is read exactly once", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat({ max: 40 }), { maxLength: 5 }),
        (counts, stops) => {
          const all = counts.map((_, n) => item(`item ${n}`));
          const read: string[] = [];
          let position: string | undefined;
          // Each run is stopped after so many packets, the last goes to the end.
          for (const stop of [...stops, Number.POSITIVE_INFINITY]) {
            const cursor = new Cursor(position, "by name");
            let left = stop;
            outer: for (const next of cursor.remaining(all)) {
              for (let n = cursor.packetsOf(next); n < (counts[all.indexOf(next)] ?? 0); n++) {
                if (left-- <= 0) break outer;
                read.push(`${next.name}/${n}`);
                cursor.begin(next, n + 1);
              }
              cursor.finish(next);
            }
            position = String(cursor);
          }
          const wanted = counts.flatMap((count, n) =>
            Array.from({ length: count }, (_, i) => `item ${n}/${i}`),
          );
          expect(read).toEqual(wanted);
        },
      ),
    );
  });

  test.each([
    ["a file that comes before", [item("a"), item("aa"), ...items.slice(1)]],
    ["a file that was taken away", items.slice(1)],
    ["a file that grew", [item("a", { size: 11 }), ...items.slice(1)]],
    ["the begun file grew", [items[0] ?? item("a"), item("b"), item("c", { size: 11 }), item("d")]],
    ["the begun file is gone", [item("a"), item("b"), item("d")]],
  ])("starts over for %s", (_, now) => {
    const cursor = new Cursor(undefined, "by name");
    for (const done of items.slice(0, 2)) cursor.finish(done);
    cursor.begin(items[2] ?? item("c"), 3);
    expect(names(new Cursor(String(cursor), "by name").remaining(items))).toEqual(["c", "d"]);
    const changed = new Cursor(String(cursor), "by name");
    expect(names(changed.remaining(now))).toEqual(names(now));
    expect(now.map((each) => changed.packetsOf(each))).toEqual(now.map(() => 0));
  });

  test("goes on when a file comes behind what was read", () => {
    const cursor = new Cursor(undefined, "by name");
    for (const done of items) cursor.finish(done);
    const now = [...items, item("e")];
    expect(names(new Cursor(String(cursor), "by name").remaining(now))).toEqual(["e"]);
  });
});

describe("cursor by arrival", () => {
  test("keeps a mark for each folder, and forgets folders that are gone", () => {
    const old = item("night/1", { order: "100 night/1", group: "night#7" });
    const here = item("2", { order: "200 2", group: "#1" });
    const cursor = new Cursor(undefined, "by arrival");
    cursor.finish(here);
    // A whole folder was moved in with its older files.
    expect(names(cursor.remaining([old, here]))).toEqual(["night/1"]);
    cursor.finish(old);
    const later = new Cursor(String(cursor), "by arrival");
    expect(later.remaining([old, here])).toEqual([]);
    expect(later.remaining([here])).toEqual([]);
    expect(names(later.remaining([old, here]))).toEqual(["night/1"]);
  });
});
