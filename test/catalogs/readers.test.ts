/** Files of a load that are read at a time. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { completeSpec } from "../../src/catalogs/index.ts";
import { readFiles } from "../../src/catalogs/readers.ts";
import { POSITION_INDEX } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/folders.ts";

test("pieces of a second file come before the first has ended, each file's in order, none of a third", async () => {
  using folder = temporaryFolder();
  const spec = completeSpec({ name: "stars" });
  if (spec === undefined) throw new Error("no name");
  const files = await Promise.all(
    [40_000, 6000, 10].map(async (rows, file) => {
      const path = join(folder.path, `${file}.csv`);
      await Bun.write(path, `ra,dec\n${Array.from({ length: rows }, (_, i) => `${i / 200},1`).join("\n")}\n`);
      return { file, request: { path, spec, fileNumber: file + 1, skip: 0 } };
    }),
  );
  const begun: number[] = [];
  const waiting = (function* () {
    for (const one of files) {
      begun.push(one.file);
      yield one;
    }
  })();
  const settings = { kind: "embedded", dataDir: folder.path } as const;
  const order: number[] = [];
  const rows: number[][] = [[], [], []];
  for await (const { file, piece } of readFiles(waiting, settings, [POSITION_INDEX], 2)) {
    if (piece === undefined) {
      order.push(-1 - file);
      continue;
    }
    order.push(file);
    rows[file]?.push(piece.rows);
    if (!order.includes(-2)) expect(begun).toEqual([0, 1]);
    // Time for the other thread to come up, however busy the machine.
    if (!order.includes(1)) await Bun.sleep(100);
  }
  expect(order.indexOf(1)).toBeLessThan(order.indexOf(-1));
  expect(begun).toEqual([0, 1, 2]);
  expect(rows[0]).toEqual(Array.from({ length: 20 }, (_, n) => 2000 * (n + 1)));
  expect(rows[1]).toEqual([2000, 4000, 6000]);
  expect(rows[2]).toEqual([10]);
}, 60_000);
