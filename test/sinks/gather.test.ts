/** What is written together: each item hears of its own fate. */
import { expect, test } from "bun:test";
import { Gatherer } from "../../src/sinks/gather.ts";

test("what was written before a write failed is not written again", async () => {
  const writes: string[][] = [];
  const gatherer = new Gatherer<string>(async (_, items, written) => {
    writes.push([...items]);
    written(2);
    if (items.length > 3) throw new Error("the second request failed");
  });
  const outcomes = await Promise.all(
    ["a", "b", "c", "d"].map((item) =>
      gatherer.add("topic", item).then(
        () => `${item} written`,
        (error: Error) => `${item}: ${error.message}`,
      ),
    ),
  );
  expect(outcomes).toEqual([
    "a written",
    "b written",
    "c: the second request failed",
    "d: the second request failed",
  ]);
  await Promise.all(["c", "d"].map((item) => gatherer.add("topic", item)));
  expect(writes).toEqual([
    ["a", "b", "c", "d"],
    ["c", "d"],
  ]);
});
