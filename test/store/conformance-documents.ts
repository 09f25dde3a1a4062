/** Documents and their changes: what every store must do with them. */
import { expect, test } from "bun:test";
import { Double, ObjectId } from "bson";
import type { Document, Value } from "../../src/query/index.ts";
import { DuplicateKeyError } from "../../src/store/index.ts";
import type { Asker } from "./conformance.ts";

export function documentTests(ask: () => Asker): void {
  test("values keep their types, null is not missing, order stays", async () => {
    const document: Document = {
      _id: "types",
      z: 1,
      long: 1n,
      big: 1127561440015015001n,
      double: new Double(30),
      minusZero: new Double(-0),
      nan: Number.NaN,
      infinite: Number.NEGATIVE_INFINITY,
      fraction: 0.1,
      nothing: null,
      date: new Date(1_700_000_000_000),
      bytes: new Uint8Array([0, 255, 1]),
      id: new ObjectId("507f1f77bcf86cd799439011"),
      list: [1n, [new Double(2), { a: null }], "x"],
      nested: { empty: {}, none: [] },
    };
    await ask().under.store.insert("things", [document]);
    const found = await ask().one("things", { _id: "types" });
    expect(found).toEqual(document);
    expect(Object.keys(found ?? {})).toEqual(Object.keys(document));
    expect(await ask().ids("things", { nothing: { $exists: true } })).toEqual(["types"]);
    expect(await ask().ids("things", { nowhere: { $exists: true } })).toEqual([]);
  });

  test("ids of every kind find their document", async () => {
    const ids: Value[] = [
      "1",
      2,
      3n,
      0.5,
      new Date(5),
      new ObjectId("507f1f77bcf86cd799439012"),
      true,
      { a: 1 },
    ];
    await ask().under.store.insert(
      "ids",
      ids.map((id) => ({ _id: id })),
    );
    for (const id of ids) expect(await ask().ids("ids", { _id: id })).toEqual([id]);
    expect(await ask().ids("ids", { _id: new Double(3) })).toEqual([3n]);
    expect(await ask().ids("ids", { _id: { $gte: 1 } }, { sort: [["_id", 1]] })).toEqual([2, 3n]);
    expect(await ask().ids("ids", { _id: { $in: [2n, "1", "2"] } }, { sort: [["_id", -1]] })).toEqual([
      "1",
      2,
    ]);
  });

  test("an id that exists is refused, and nothing of that insert is kept", async () => {
    const { store } = ask().under;
    await store.insert("unique", [{ _id: 1 }]);
    const again = store.insert("unique", [{ _id: 2 }, { _id: 1n }]);
    expect(await again.catch((error: unknown) => error)).toBeInstanceOf(DuplicateKeyError);
    expect(await ask().ids("unique", {})).toEqual([1]);
  });

  test("replace, upsert and remove say whether there was a document", async () => {
    const { store } = ask().under;
    expect(await store.replace("users", { _id: "a", n: 1 })).toBe(false);
    expect(await store.replace("users", { _id: "a", n: 1 }, { upsert: true })).toBe(true);
    expect(await store.replace("users", { _id: "a", n: 2 })).toBe(true);
    expect(await ask().one("users", { _id: "a" })).toEqual({ _id: "a", n: 2 });
    expect(await store.estimatedCount("users")).toBe(1);
    expect(await store.remove("users", "a")).toBe(true);
    expect(await store.remove("users", "a")).toBe(false);
    expect(await store.estimatedCount("users")).toBe(0);
  });

  test("fields are set, and all others stay", async () => {
    const { store } = ask().under;
    const before = { _id: 9007199254740993n, kept: 7n, inner: { a: 1, b: new Double(2) } };
    await store.insert("fields", [before, { _id: "text" }]);
    const changes = [
      {
        id: 9007199254740993n,
        fields: [
          ["inner.b", new Double(1)],
          ["new.deep", 5n],
          ["inner.c", 0.5],
        ] as const,
      },
      { id: "text", fields: [["x", null]] as const },
      { id: "nobody", fields: [["x", 1]] as const },
    ];
    expect(await store.setFields("fields", changes)).toBe(2);
    expect(await ask().find("fields", {}, { sort: [["_id", 1]] })).toEqual([
      { _id: 9007199254740993n, kept: 7n, inner: { a: 1, b: new Double(1), c: 0.5 }, new: { deep: 5n } },
      { _id: "text", x: null },
    ]);
    expect(await store.setFields("fields", [])).toBe(0);
    expect(await store.setFields("nowhere", changes)).toBe(0);
    expect(await store.drop("fields")).toBe(true);
  });

  test("collections are listed, described and dropped", async () => {
    const { store } = ask().under;
    await store.insert("short_lived", [{ _id: 1 }, { _id: 2 }]);
    expect(await store.collectionNames()).toContain("short_lived");
    const description = await store.describeCollection("short_lived");
    expect(description?.documents).toBe(2);
    expect(description?.indexes.map(({ name }) => name)).toEqual(["_id_"]);
    expect((await store.describeDatabase()).collections).toBeGreaterThan(0);
    expect(await store.drop("short_lived")).toBe(true);
    expect(await store.drop("short_lived")).toBe(false);
    expect(await store.collectionNames()).not.toContain("short_lived");
    expect(await store.describeCollection("short_lived")).toBeUndefined();
    expect(await ask().find("short_lived")).toEqual([]);
  });

  test("answers", async () => {
    await ask().under.store.ping();
  });
}

export function changeTests(ask: () => Asker): void {
  test("changes of a collection are noticed, of others not", async () => {
    const { store } = ask().under;
    let calls = 0;
    let noticed = () => {};
    const stop = store.onChange("filters", () => {
      calls++;
      noticed();
    });
    const change = new Promise<void>((resolve) => {
      noticed = resolve;
    });
    await store.insert("other", [{ _id: 1 }]);
    expect(calls).toBe(0);
    await store.insert("filters", [{ _id: 1 }]);
    await change;
    expect(calls).toBe(1);
    stop();
    await store.insert("filters", [{ _id: 2 }]);
    expect(calls).toBe(1);
  });
}
