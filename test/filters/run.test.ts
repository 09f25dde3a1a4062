/** The run of filters on batches of alerts: what they see, what they match, and that each is on its own. */
import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type FilterDocument, filterBatch, type Match, matchOf } from "../../src/filters/index.ts";
import type { Document } from "../../src/query/index.ts";
import type { AlertRecord } from "../../src/store/index.ts";
import { alertWith, type FilterBench, filterDocument, openFilterBench, type Row } from "./support.ts";

let bench: FilterBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

async function open(...filters: FilterDocument[]): Promise<FilterBench> {
  bench = await openFilterBench(filters);
  return bench;
}

/** Runs the filters on a batch and writes it with its matches, as the broker does. */
async function ingest(
  { registry, reader, write }: FilterBench,
  alerts: readonly AlertRecord[],
): Promise<Match[]> {
  const entries = await filterBatch(alerts, registry, reader);
  await write(alerts, entries);
  return entries.map(matchOf);
}

const passed = (matches: readonly Match[]) => matches.map(({ filter, candid }) => `${filter}:${candid}`);
const SHOW: Document[] = [
  { $project: { annotations: { prv: "$prv_candidates.jd", fp: "$fp_hists.jd", all: "$fp_hists" } } },
];
const JD = 2460300.5;

describe("matches", () => {
  test("tell the filter, its version, the alert and the annotations", async () => {
    const pipeline = [
      { $match: { "candidate.drb": { $gt: 0.9 } } },
      { $project: { annotations: { drb: "$candidate.drb" } } },
    ];
    const at = await open(filterDocument(1, pipeline, { permissions: [1] }));
    const [match, ...others] = await ingest(at, [
      alertWith(2n ** 60n + 1n, "ZTF24a", JD),
      alertWith(2n, "ZTF24b", JD, { drb: 0.5 }),
    ]);
    expect(others).toEqual([]);
    expect(match).toMatchObject({
      filter: "10/1",
      group_id: 10,
      filter_id: 1,
      fid: "aaaaaa",
      survey: "ZTF",
      candid: 2n ** 60n + 1n,
      objectId: "ZTF24a",
      jd: JD,
      annotations: { drb: 0.95 },
      permissions: [1],
      autosave: false,
      auto_followup: null,
      backfill: false,
    });
    const [stored] = await Array.fromAsync(
      at.store.find({ collection: "outbox", filter: {}, maxTimeMs: 1000 }).documents(),
    );
    expect(stored).toMatchObject({ _id: `ZTF/${2n ** 60n + 1n}/10/1`, candid: 2n ** 60n + 1n });
  });

  test("an alert that is stored already or comes twice is filtered once", async () => {
    const at = await open(filterDocument(1, [{ $match: {} }]));
    const alert = alertWith(1n, "ZTF24a", JD);
    expect(passed(await ingest(at, [alert, alert]))).toEqual(["10/1:1"]);
    expect(await ingest(at, [alert])).toEqual([]);
  });

  test("a changed, added or removed filter is in effect from the next batch on", async () => {
    const at = await open(filterDocument(1, [{ $match: {} }]));
    expect(passed(await ingest(at, [alertWith(1n, "ZTF24a", JD)]))).toEqual(["10/1:1"]);
    await at.store.insert("filters", [filterDocument(2, [{ $match: {} }])]);
    expect(passed(await ingest(at, [alertWith(2n, "ZTF24a", JD)]))).toEqual(["10/1:2", "10/2:2"]);
    await at.store.replace("filters", filterDocument(1, [{ $match: {} }], { active: false }));
    expect(passed(await ingest(at, [alertWith(3n, "ZTF24a", JD)]))).toEqual(["10/2:3"]);
    await at.store.remove("filters", "10/2");
    expect(await ingest(at, [alertWith(4n, "ZTF24a", JD)])).toEqual([]);
  });

  test("carry what autosave and auto_followup ask for, after their own pipelines", async () => {
    const onlyGood = JSON.stringify([{ $match: { "candidate.drb": { $gt: 0.97 } } }]);
    const followup = {
      active: true,
      allocation_id: 7,
      payload: { urgency: 1, observation_type: "IFU" },
      comment: "please",
      pipeline: JSON.stringify([
        { $match: { "candidate.drb": { $gt: 0.98 } } },
        {
          $project: { comment: "seen at $candidate.drb", payload: { urgency: { $literal: 5 }, other: "x" } },
        },
      ]),
      priority_order: "asc",
      target_group_ids: [4],
      ignore_allocation_ids: [],
      radius: 0.5,
      validity_days: 7,
      implements_update: true,
    };
    const at = await open(
      filterDocument(1, [{ $match: {} }], {
        autosave: { active: true, comment: "good", saver_id: 3, pipeline: onlyGood },
        auto_followup: followup,
      }),
      filterDocument(2, [{ $match: {} }], { autosave: { active: false } }),
      filterDocument(3, [{ $match: {} }], { autosave: true }),
    );
    const matches = await ingest(at, [
      alertWith(1n, "a", JD, { drb: 0.96 }),
      alertWith(2n, "b", JD, { drb: 0.975 }),
      alertWith(3n, "c", JD, { drb: 0.99 }),
    ]);
    const of = (key: string) => matches.find(({ filter, candid }) => `${filter}:${candid}` === key);
    expect(of("10/1:1")).toMatchObject({ autosave: false, auto_followup: null });
    expect(of("10/1:2")).toMatchObject({ autosave: { comment: "good", saver_id: 3 }, auto_followup: null });
    expect(of("10/1:3")?.auto_followup).toMatchObject({
      allocation_id: 7,
      payload: { urgency: 5, observation_type: "IFU" },
      priority: { key: "urgency", value: 5, order: "asc" },
      target_group_ids: [4],
      implements_update: true,
    });
    expect(of("10/1:3")?.auto_followup?.payload).not.toHaveProperty("other");
    expect(of("10/2:3")?.autosave).toBe(false);
    expect(of("10/3:3")?.autosave).toEqual({});
  });
});

describe("what a filter sees", () => {
  test("stored history, the batch's earlier alerts, its own packet; nothing of later ones", async () => {
    const at = await open(filterDocument(1, SHOW));
    const row = (jd: number, value: number): Row => ({ jd, programid: 1, procstatus: "0", value });
    await ingest(at, [alertWith(1n, "a", JD, { prv: [row(JD - 3, 1)], fp: [row(JD - 3, 1)], rank: 18 })]);
    const matches = await ingest(at, [
      alertWith(2n, "a", JD + 1, {
        prv: [row(JD - 3, 2), row(JD - 2, 2)],
        fp: [row(JD - 3, 2), row(JD - 2, 2)],
        rank: 19,
      }),
      alertWith(3n, "a", JD + 2, { prv: [row(JD, 3)], fp: [row(JD - 3, 3), row(JD, 3)], rank: 17 }),
    ]);
    expect(matches[0]?.annotations).toMatchObject({ prv: [JD - 3, JD - 2], fp: [JD - 3, JD - 2] });
    expect(matches[1]?.annotations).toMatchObject({ prv: [JD - 3, JD - 2, JD], fp: [JD - 3, JD - 2, JD] });
    const valuesOf = ({ annotations }: Match) => (annotations["all"] as Row[]).map(({ value }) => value);
    // The first value stays behind a fainter alert, and gives way to a brighter one.
    expect(matches.map(valuesOf)).toEqual([
      [1, 2],
      [3, 2, 3],
    ]);
  });

  test("365 days, forced photometry that worked, null where none is stored", async () => {
    const at = await open(filterDocument(1, SHOW));
    const rows = [JD - 400, JD - 365, JD - 364, JD - 1, JD, JD + 1].map((jd) => ({
      jd,
      programid: 1,
      procstatus: "0",
    }));
    const matches = await ingest(at, [
      alertWith(1n, "a", JD, { prv: rows, fp: [...rows, { jd: JD - 2, programid: 1, procstatus: "61" }] }),
      alertWith(2n, "b", JD, { prv: rows }),
      alertWith(3n, "c", JD, { prv: [], fp: rows, startsForced: false }),
    ]);
    expect(matches[0]?.annotations).toMatchObject({ prv: [JD - 364, JD - 1], fp: [JD - 364, JD - 1] });
    expect(matches[1]?.annotations["all"]).toBeNull();
    expect(matches[2]?.annotations).toMatchObject({ prv: [], all: null });
  });

  test("property: a public filter never sees a row or alert of a program that is not", async () => {
    const programs = [1, 2, 3];
    const row = fc.record({
      jd: fc.integer({ min: 0, max: 60 }).map((days) => JD - days / 2),
      programid: fc.constantFrom(1, 2, 3),
      procstatus: fc.constantFrom("0", "61"),
    });
    const rows = fc.uniqueArray(row, { maxLength: 8, selector: ({ jd }) => jd });
    const alert = fc.record({
      object: fc.constantFrom("a", "b", "c"),
      programid: fc.constantFrom(...programs),
      prv: rows,
      fp: rows,
    });
    const see = [
      {
        $project: {
          annotations: {
            alert: "$candidate.programid",
            prv: "$prv_candidates.programid",
            fp: "$fp_hists.programid",
          },
        },
      },
    ];
    const at = await open(
      filterDocument(1, see, { permissions: [1] }),
      filterDocument(2, see, { permissions: [1, 2] }),
      filterDocument(3, see, { permissions: [1, 2, 3] }),
      filterDocument(4, [{ $match: { "prv_candidates.programid": { $in: [2, 3] } } }], { permissions: [1] }),
      filterDocument(5, [{ $match: { "fp_hists.programid": { $in: [2, 3] } } }], { permissions: [1] }),
      filterDocument(6, see, { permissions: [] }),
    );
    let candid = 1n;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(alert, { maxLength: 4 }), { maxLength: 3 }), async (batches) => {
        const run = `${candid}`;
        for (const batch of batches) {
          const matches = await ingest(
            at,
            batch.map(({ object, ...given }) => alertWith(candid++, `${run}${object}`, JD + 1, given)),
          );
          for (const { filter, annotations, permissions } of matches) {
            const seen = [annotations["alert"], annotations["prv"], annotations["fp"]]
              .flat()
              .filter((id) => id !== null && id !== undefined);
            expect(seen.every((id) => permissions.includes(Number(id)))).toBe(true);
            expect(["10/1", "10/2", "10/3"]).toContain(filter);
          }
          const expected = batch.map(({ programid }) => 4 - programid).reduce((sum, n) => sum + n, 0);
          expect(matches).toHaveLength(expected);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("counts", () => {
  test("are of the alert's night, also where alerts of several nights wait for their objects' records", async () => {
    const near = { $match: { "cross_matches.CLU.0": { $exists: false } } };
    const at = await open(filterDocument(1, [near]));
    const nights = [0, 1, 2, 0];
    await ingest(
      at,
      nights.map((night, n) => alertWith(BigInt(n + 1), `ZTF24${n}`, JD + night)),
    );
    const counted = at.registry.takeTallies().map(({ night, tally }) => [night, tally.seen, tally.passed]);
    expect(counted.toSorted()).toEqual([
      ["20231222", 2, 2],
      ["20231223", 1, 1],
      ["20231224", 1, 1],
    ]);
  });
});

describe("a filter that goes wrong", () => {
  test("is counted with its alert and error, and leaves the others alone", async () => {
    const broken = [{ $match: { $expr: { $gt: [{ $size: "$fp_hists" }, 0] } } }];
    const at = await open(
      filterDocument(1, broken),
      filterDocument(2, [{ $match: { "candidate.drb": { $gt: 0.9 } } }]),
      filterDocument(3, [{ $match: { "candidate.drb": { $gt: 0.9 }, objectId: "b" } }]),
    );
    expect(passed(await ingest(at, [alertWith(1n, "a", JD), alertWith(2n, "b", JD)]))).toEqual([
      "10/2:1",
      "10/2:2",
      "10/3:2",
    ]);
    const tallies = new Map(at.registry.takeTallies().map(({ filter, tally }) => [filter, tally]));
    expect(tallies.get("10/1")).toMatchObject({ seen: 2, passed: 0, errors: 2, failure: { candid: "2" } });
    expect(tallies.get("10/1")?.failure?.message).toContain("$size");
    expect(tallies.get("10/2")).toMatchObject({ seen: 2, passed: 2, errors: 0 });
    expect(tallies.get("10/3")).toMatchObject({ seen: 2, passed: 1, errors: 0, runs: 1 });
  });

  test("that this version cannot compile is told and does not run", async () => {
    const at = await open(filterDocument(1, [{ $matc: {} }]), filterDocument(2, [{ $match: {} }]));
    expect(passed(await ingest(at, [alertWith(1n, "a", JD)]))).toEqual(["10/2:1"]);
    expect(at.registry.takeBroken()).toMatchObject([{ filter: "10/1", fid: "aaaaaa" }]);
  });
});
