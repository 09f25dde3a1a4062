/** Alerts, their images and histories: what every store must do with batches of them. */
import { beforeAll, expect, test } from "bun:test";
import { Double } from "bson";
import type { Document, Value } from "../../src/query/index.ts";
import type { AlertRecord, FindRequest } from "../../src/store/index.ts";
import type { Asker } from "./conformance.ts";
import { alert, COLLECTIONS, history } from "./records.ts";

const { alerts: ALERTS, aux: AUX, cutouts: CUTOUTS } = COLLECTIONS;

export function alertTests(ask: () => Asker): void {
  const BASE = 1127561440015015000n;

  beforeAll(async () => {
    const records = Array.from({ length: 60 }, (_, n) =>
      alert(BASE + BigInt(n), `obj${n % 20}`, {
        jd: 2460000.5 + n / 10,
        ra: 100 + n / 100,
        dec: -30,
        drb: n / 100,
        cutout: new Uint8Array([n, 2, 3]),
        histories: [history("prv_candidates", [2459990 + n, 2459991 + n])],
      }),
    );
    const letter = { source: "s", place: "file 1", reason: "TornFileError", message: "torn" };
    const result = await ask().write(records, {
      deadLetters: [{ ...letter, id: "s/1", bytes: new Uint8Array([1, 2]) }],
      outbox: [{ id: "m1", survey: "TEST", candid: BASE, objectId: "obj0", document: { filter_id: 7 } }],
      positions: [{ source: "s", position: "60", done: false }],
    });
    expect(result).toEqual({ stored: 60, duplicates: 0, deadLetters: 1 });
  });

  test("an alert's score that is set is found by its index", async () => {
    const fields = [["classifications.braai", 0.75]] as const;
    expect(await ask().under.store.setFields(ALERTS, [{ id: BASE + 7n, fields }])).toBe(1);
    const filter = { "classifications.braai": { $gt: 0.5 } };
    expect(await ask().ids(ALERTS, filter)).toEqual([BASE + 7n]);
    const request = { collection: ALERTS, filter, maxTimeMs: 10_000 };
    expect(await ask().under.store.explainFind(request)).toMatchObject({
      index: "braai",
      documentsExamined: 1,
    });
    expect((await ask().one(ALERTS, { candid: BASE + 7n }))?.["objectId"]).toBe("obj7");
  });

  test("an alert is found by its exact candid", async () => {
    const candid = BASE + 1n;
    const found = await ask().one(ALERTS, { candid });
    expect(found?.["_id"]).toBe(candid);
    expect(found?.["candidate"]).toEqual({
      ...(alert(candid, "obj1", { jd: 2460000.6, ra: 100.01, dec: -30, drb: 0.01 }).document[
        "candidate"
      ] as Document),
    });
    expect(await ask().ids(ALERTS, { _id: candid })).toEqual([candid]);
    expect(await ask().ids(ALERTS, { candid: { $lt: BASE } })).toEqual([]);
    expect(await ask().ids(ALERTS, { candid: { $gte: BASE + 58n } }, { sort: [["candid", -1]] })).toEqual([
      BASE + 59n,
      BASE + 58n,
    ]);
  });

  test("indexed finds look at few documents", async () => {
    const examined = async (filter: Document, more: Partial<FindRequest> = {}) =>
      await ask().under.store.explainFind({ collection: ALERTS, filter, maxTimeMs: 10_000, ...more });
    const cone = { $geoWithin: { $centerSphere: [[100.05 - 180, -30], (2 / 3600) * (Math.PI / 180)] } };
    for (const [filter, few] of [
      [{ candid: BASE + 3n }, 1],
      [{ _id: { $in: [BASE, BASE + 1n] } }, 2],
      [{ objectId: "obj3" }, 3],
      [{ "candidate.jd": { $gt: 2460000.5, $lt: 2460000.75 } }, 2],
      [{ "coordinates.radec_geojson": cone }, 1],
      [{ $or: [{ candid: BASE }, { objectId: "obj3" }] }, 4],
    ] as const) {
      const { index, documentsExamined, documentsReturned } = await examined(filter as unknown as Document);
      expect(index).not.toBeNull();
      expect(documentsExamined).toBeLessThanOrEqual(few + 2);
      expect(documentsReturned).toBe(few);
    }
    expect((await examined({ "candidate.exptime": 30 })).index).toBeNull();
  });

  test("an index gives the same as a scan", async () => {
    const all = await ask().find(ALERTS);
    for (const [low, high] of [
      [0.1, 0.2],
      [0, 0.05],
      [0.55, 2],
    ] as const) {
      const expected = all
        .filter((document) => {
          const drb = Number((document["candidate"] as Document)["drb"]);
          return drb > low && drb <= high;
        })
        .map((document) => document["_id"]);
      const filter = { "candidate.drb": { $gt: low, $lte: high } };
      const found = await ask().ids(ALERTS, filter, { sort: [["candidate.drb", 1]] });
      expect(found).toEqual(expected as Value[]);
    }
  });

  test("a candid that is stored is a duplicate, also within a batch, and leaves no history", async () => {
    const again = alert(BASE, "obj0", { histories: [history("prv_candidates", [1])] });
    const twice = alert(BASE + 100n, "new", { histories: [history("prv_candidates", [5])] });
    const result = await ask().write([
      again,
      twice,
      { ...twice, histories: [history("prv_candidates", [6])] },
    ]);
    expect(result).toEqual({ stored: 1, duplicates: 2, deadLetters: 0 });
    const rows = (await ask().one(AUX, { _id: "new" }))?.["prv_candidates"] as Document[];
    expect(rows.map((row) => row["jd"])).toEqual([5]);
  });

  test("cutouts are kept apart, byte for byte", async () => {
    const found = await ask().one(CUTOUTS, { _id: BASE + 7n });
    expect(found).toMatchObject({ candid: BASE + 7n, objectId: "obj7" });
    expect(found?.["cutoutScience"]).toEqual({
      fileName: "science.fits.gz",
      stampData: new Uint8Array([7, 2, 3]),
    });
    expect(found?.["cutoutTemplate"]).toEqual({ stampData: new Uint8Array([9]) });
    expect(await ask().under.store.estimatedCount(CUTOUTS)).toBe(60);
  });

  test("dead letters keep their bytes and come once", async () => {
    const letter = { id: "s/1", source: "s", place: "file 1", reason: "TornFileError", message: "torn" };
    const result = await ask().write([], { deadLetters: [{ ...letter, bytes: new Uint8Array([1, 2]) }] });
    expect(result.deadLetters).toBe(0);
    const found = await ask().find("dead_letters");
    expect(found.length).toBe(1);
    expect(found[0]).toMatchObject({ _id: "s/1", reason: "TornFileError", bytes: new Uint8Array([1, 2]) });
  });

  test("the outbox keeps a match once", async () => {
    const entry = { id: "m1", survey: "TEST", candid: BASE, objectId: "obj0", document: { filter_id: 8 } };
    await ask().write([], { outbox: [entry] });
    const found = await ask().find("outbox", { kind: "match" });
    expect(found.length).toBe(1);
    expect(found[0]).toMatchObject({ candid: BASE, objectId: "obj0", document: { filter_id: 7 } });
  });

  test("positions are remembered", async () => {
    const { writer } = ask().under;
    expect(await writer.position("s")).toEqual({ source: "s", position: "60", done: false });
    await ask().write([], { positions: [{ source: "s", position: "61", done: true }] });
    expect(await writer.position("s")).toEqual({ source: "s", position: "61", done: true });
    expect(await writer.position("t")).toBeUndefined();
  });
}

export function historyTests(ask: () => Asker): void {
  let candid = 1n;
  const write = (objectId: string, ...histories: AlertRecord["histories"]) =>
    ask().write([alert(candid++, objectId, { histories })]);
  const rows = async (objectId: string, field: string) =>
    (await ask().one(AUX, { _id: objectId }))?.[field] as Document[] | undefined;
  const jds = async (objectId: string, field = "prv_candidates") =>
    (await rows(objectId, field))?.map((row) => row["jd"]);

  test("rows are merged without duplicates, in time order, the first seen stays", async () => {
    const row = (text: string) => (jd: number) => ({ jd, text });
    await write("merge", history("prv_candidates", [3.5, 5.5], { row: row("a") }));
    await write("merge", history("prv_candidates", [1.5, 3.5, 4.5, 5.5], { row: row("b") }));
    await write("merge", history("prv_candidates", [3.5, 4.5, 6.5], { row: row("c") }));
    expect(await rows("merge", "prv_candidates")).toEqual([
      { jd: 1.5, text: "b" },
      { jd: 3.5, text: "a" },
      { jd: 4.5, text: "b" },
      { jd: 5.5, text: "a" },
      { jd: 6.5, text: "c" },
    ]);
  });

  test("two alerts of one object in one batch count in their order", async () => {
    const a = alert(candid++, "batch", { histories: [history("prv_candidates", [1.5, 2.5])] });
    const b = alert(candid++, "batch", { histories: [history("prv_candidates", [2.5, 3.5])] });
    await ask().write([a, b]);
    expect(await jds("batch")).toEqual([1.5, 2.5, 3.5]);
  });

  test("the row of the smallest rank stays", async () => {
    const update = (times: number[], rank: number) =>
      history("fp_hists", times, { rank, row: (jd) => ({ jd, rank }) });
    await write("rank", update([1.5, 2.5, 3.5], 18.5));
    await write("rank", update([2.5, 3.5, 4.5], 19.5));
    await write("rank", update([3.5, 4.5, 5.5], 17.5));
    await write("rank", update([1.5], 18.5));
    expect(await rows("rank", "fp_hists")).toEqual([
      { jd: 1.5, rank: 18.5 },
      { jd: 2.5, rank: 18.5 },
      { jd: 3.5, rank: 17.5 },
      { jd: 4.5, rank: 17.5 },
      { jd: 5.5, rank: 17.5 },
    ]);
  });

  test("a record that does not reach back to its start is never kept", async () => {
    const late = { rank: 18, startsRecord: false };
    await write("late", history("prv_candidates", []), history("fp_hists", [1.5], late));
    await write("late", history("prv_candidates", [1.5]), history("fp_hists", [2.5], { rank: 18 }));
    const found = await ask().one(AUX, { _id: "late" });
    expect(found).toEqual({
      _id: "late",
      prv_candidates: [{ jd: 1.5, mag: new Double(18), fid: 1 }],
      cross_matches: {},
    });
  });

  test("a record that was started goes on", async () => {
    await write("started", history("fp_hists", [1.5], { rank: 18 }));
    await write("started", history("fp_hists", [2.5], { rank: 18, startsRecord: false }));
    expect(await jds("started", "fp_hists")).toEqual([1.5, 2.5]);
  });

  test("rows keep their types, whatever their fields", async () => {
    const odd: Document = {
      jd: 1.5,
      long: 5n,
      big: -(2n ** 63n),
      double: new Double(-999),
      tiny: 1e-300,
      float: 0.5,
      nan: Number.NaN,
      int: -40_000,
      small: -5,
      yes: true,
      no: false,
      nothing: null,
      text: "z".repeat(400),
      accent: "é\u{1F52D}",
      nested: { list: [1n, new Double(2)] },
      __proto__x: "",
    };
    await write("odd", history("prv_candidates", [1.5], { row: () => odd }));
    const [found] = (await rows("odd", "prv_candidates")) ?? [];
    expect(found).toEqual(odd);
  });

  test("projections that only a find has show parts of a history", async () => {
    const jds = [1, 2, 3, 4].map((day) => 2460000.5 + day);
    await write("parts", history("prv_candidates", jds));
    const times = async (projection: Document, filter: Document = {}) => {
      const [found] = await ask().find(AUX, { _id: "parts", ...filter }, { projection });
      return ((found?.["prv_candidates"] ?? []) as Document[]).map(({ jd }) => jd);
    };
    expect(await times({ prv_candidates: { $slice: -2 } })).toEqual(jds.slice(2));
    expect(await times({ prv_candidates: { $slice: [1, 2] } })).toEqual(jds.slice(1, 3));
    expect(await times({ prv_candidates: { $elemMatch: { jd: { $gt: jds[1] ?? 0 } } } })).toEqual([jds[2]]);
    expect(await times({ "prv_candidates.$": 1 }, { "prv_candidates.jd": jds[2] ?? 0 })).toEqual([jds[2]]);
    const projection = { prv_candidates: { $slice: 1 } };
    const request = { collection: AUX, filter: { _id: "parts" }, projection, maxTimeMs: 10_000 };
    expect((await ask().under.store.explainFind(request)).documentsReturned).toBe(1);
  });

  test("objects are counted and can be searched", async () => {
    const found = await ask().ids(AUX, { "prv_candidates.text": "c" });
    expect(found).toEqual(["merge"]);
    expect(await ask().under.store.estimatedCount(AUX)).toBe(7);
  });
}
