/** What every store must do with matches on their way to the sinks: part of the conformance suite. */
import { expect, test } from "bun:test";
import type { Document } from "../../src/query/index.ts";
import type { AlertRecord, OutboxEntry } from "../../src/store/index.ts";
import type { Asker } from "./conformance.ts";
import { alert } from "./records.ts";

/** An entry for a match of an alert by the filter of this number. */
function entry(filterId: number, candid: bigint, objectId: string, document: Document = {}): OutboxEntry {
  return {
    id: `TEST/${candid}/3/${filterId}`,
    survey: "TEST",
    candid,
    objectId,
    document: { filter: `3/${filterId}`, ...document },
  };
}

export function outboxTests(ask: () => Asker): void {
  const behind = (seq: bigint, limit = 0) =>
    ask().find("outbox", { seq: { $gt: seq } }, { sort: [["seq", 1]], limit });
  const newest = async () => {
    const [last] = await ask().find("outbox", {}, { sort: [["seq", -1]], limit: 1 });
    return (last?.["seq"] as bigint | undefined) ?? 0n;
  };
  const write = (records: readonly AlertRecord[], outbox: readonly OutboxEntry[]) =>
    ask().write(records, { outbox });
  const ids = (documents: readonly Document[]) => documents.map((document) => document["_id"]);

  test("a match comes back as it was", async () => {
    const document = {
      fid: "abc123",
      passed_at: new Date(1_700_000_000_000),
      annotations: { big: 2n ** 60n },
    };
    await write([alert(1n, "a")], [entry(7, 1n, "a", document)]);
    const [found] = await behind(0n);
    expect(found).toMatchObject({ _id: "TEST/1/3/7", kind: "match", survey: "TEST", candid: 1n });
    expect(found?.["created_at"]).toBeInstanceOf(Date);
    expect(found?.["document"]).toEqual({ filter: "3/7", ...document });
    expect(ids(await ask().find("outbox", { "document.filter": "3/7" }))).toEqual(["TEST/1/3/7"]);
  });

  test("entries have their fields in one order", async () => {
    const before = await newest();
    await write([alert(40n, "fields")], [entry(1, 40n, "fields")]);
    await write([alert(41n, "fields")], []);
    const [match, update] = await behind(before);
    const fields = ["_id", "seq", "created_at", "kind", "survey", "candid", "objectId"];
    expect(Object.keys(match ?? {})).toEqual([...fields, "document"]);
    expect(Object.keys(update ?? {})).toEqual(fields);
  });

  test("an object with many matches in a batch is noted as reported once", async () => {
    const noted = () => ask().find("reported_objects", { _id: "TEST/often" });
    const filters = Array.from({ length: 20 }, (_, n) => n);
    const all = await ask().under.store.estimatedCount("reported_objects");
    await write(
      [alert(50n, "often"), alert(51n, "often")],
      [50n, 51n].flatMap((candid) => filters.map((n) => entry(n, candid, "often"))),
    );
    await write([alert(52n, "often")], [entry(1, 52n, "often")]);
    expect(await noted()).toEqual([{ _id: "TEST/often" }]);
    expect(await ask().under.store.estimatedCount("reported_objects")).toBe(all + 1);
  });

  test("entries of earlier versions, whose fields stood in another order, are read among the others", async () => {
    const seq = (await newest()) + 1n;
    const old = { _id: "TEST/60/3/1", seq, kind: "match", survey: "TEST", candid: 60n, objectId: "old" };
    const stored = { ...old, document: { filter: "3/1" }, created_at: new Date(1_700_000_000_000) };
    await ask().under.store.insert("outbox", [stored]);
    expect(await behind(seq - 1n)).toEqual([stored]);
    await write([], [entry(1, 60n, "old")]);
    expect(await ask().find("outbox", { candid: 60n })).toEqual([stored]);
    await ask().under.store.remove("outbox", stored._id);
  });

  test("entries are in the indexes that an administrator makes", async () => {
    const keys = [["objectId", 1]] as const;
    await ask().under.store.ensureIndexes("outbox", [{ name: "objects", keys, unique: false }]);
    await write([], [entry(1, 70n, "indexed"), entry(2, 70n, "indexed")]);
    const asked = { collection: "outbox", filter: { objectId: "indexed" }, maxTimeMs: 10_000 };
    expect(ids(await ask().find("outbox", asked.filter)).toSorted()).toEqual(["TEST/70/3/1", "TEST/70/3/2"]);
    expect(await ask().under.store.explainFind(asked)).toEqual({
      index: "objects",
      documentsExamined: 2,
      documentsReturned: 2,
    });
  });

  test("numbers grow with each batch, and entries of one alert stand together", async () => {
    const before = await newest();
    await write([alert(10n, "a"), alert(11n, "b")], [entry(1, 10n, "a"), entry(1, 11n, "b")]);
    await write(
      [alert(12n, "a"), alert(13n, "b")],
      [entry(1, 12n, "a"), entry(1, 13n, "b"), entry(2, 12n, "a"), entry(2, 13n, "b")],
    );
    const found = await behind(before);
    expect(found.map((document) => document["candid"])).toEqual([10n, 11n, 12n, 12n, 13n, 13n]);
    const numbers = found.map((document) => Number(document["seq"]));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
  });

  test("a page is found by its numbers without a look at what is before or behind", async () => {
    const before = await newest();
    const records = Array.from({ length: 600 }, (_, n) => alert(1000n + BigInt(n), `object ${n}`));
    await write(
      records,
      records.map((record) => entry(1, record.candid, record.objectId)),
    );
    const page = await behind(before + 20n, 10);
    expect(page.map((document) => document["candid"])).toEqual(
      Array.from({ length: 10 }, (_, n) => 1020n + BigInt(n)),
    );
    const { documentsExamined } = await ask().under.store.explainFind({
      collection: "outbox",
      filter: { seq: { $gt: before + 20n } },
      sort: [["seq", 1]],
      limit: 10,
      maxTimeMs: 10_000,
    });
    expect(documentsExamined).toBeLessThan(40);
  });

  test("a match that is there stays; one of an alert that was stored before is dropped", async () => {
    const before = await newest();
    const again = entry(7, 1n, "a");
    await write([], [{ ...again, document: { ...again.document, fid: "newer1" } }]);
    await write([alert(1n, "a")], [entry(8, 1n, "a")]);
    expect(await behind(before)).toEqual([]);
    const [kept] = await ask().find("outbox", { _id: again.id });
    expect(kept).toMatchObject({ document: { fid: "abc123" } });
  });

  test("a match of a stored alert that comes without it is a backfill", async () => {
    const before = await newest();
    await write([], [entry(9, 1n, "a")]);
    expect(ids(await behind(before))).toEqual(["TEST/1/3/9"]);
  });

  test("new alerts of reported objects are told, of others not", async () => {
    const before = await newest();
    await write([alert(20n, "a"), alert(21n, "unknown"), alert(22n, "z")], [entry(1, 22n, "z")]);
    await write([alert(1n, "a"), alert(23n, "z")], []);
    const found = await behind(before);
    const brief = found.map((document) => `${String(document["kind"])} ${String(document["objectId"])}`);
    expect(brief).toEqual(["match z", "update a", "update z"]);
  });

  test("the oldest entries are removed, and numbers are not used again", async () => {
    const last = await newest();
    const { store } = ask().under;
    const all = await store.estimatedCount("outbox");
    expect(await store.removeOutbox(last, 5)).toBe(5);
    expect(await store.estimatedCount("outbox")).toBe(all - 5);
    expect(await store.removeOutbox(last, 10_000)).toBe(all - 5);
    expect(await store.removeOutbox(last, 10_000)).toBe(0);
    await write([], [entry(1, 30n, "a")]);
    expect(await newest()).toBeGreaterThan(last);
  });

  test("changes of the outbox are noticed", async () => {
    const noticed = new Promise<void>((resolve) => {
      const stop = ask().under.store.onChange("outbox", () => {
        stop();
        resolve();
      });
    });
    await write([], [entry(1, 31n, "a")]);
    await noticed;
  });

  test("a lease has one holder until it ends or is given back", async () => {
    const { store } = ask().under;
    expect(await store.lease("job", "one", 60_000)).toBe(true);
    expect(await store.lease("job", "two", 60_000)).toBe(false);
    expect(await store.lease("job", "one", 60_000)).toBe(true);
    expect(await store.lease("job", "one", 0)).toBe(true);
    expect(await store.lease("job", "two", 20)).toBe(true);
    await Bun.sleep(40);
    expect(await store.lease("job", "one", 60_000)).toBe(true);
  });
}
