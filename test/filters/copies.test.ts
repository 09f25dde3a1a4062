/** Filters with the same pipeline and permissions: run once an alert for all, and as if each had run. */
import { afterEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileVersion, PipelineCompiler } from "../../src/filters/compiled.ts";
import { surveyOfCatalog } from "../../src/filters/definition.ts";
import { FilterEngine } from "../../src/filters/engine.ts";
import type { FilterDocument, Match } from "../../src/filters/index.ts";
import type { Tally } from "../../src/filters/tally.ts";
import type { Document } from "../../src/query/index.ts";
import type { AlertRecord, ObjectRecord } from "../../src/store/index.ts";
import { alertWith, type FilterBench, filterDocument, openFilterBench } from "./support.ts";

const JD = 2460300.5;
const COPIES = 5;
const LONG = { $range: [0, 20_000] };
const VALUES: Document[] = [{ $project: { annotations: { values: "$prv_candidates.value" } } }];

/** Copies of a filter, numbered from 1 on. */
function copies(pipeline: Document[], given: Partial<FilterDocument> = {}, count = COPIES): FilterDocument[] {
  return Array.from({ length: count }, (_, n) => filterDocument(n + 1, pipeline, given));
}

/** A record with one row of history, and how often the `value` of the row was read. */
function countingRecord(): { record: ObjectRecord; reads: () => number } {
  let reads = 0;
  const row: Document = { jd: JD - 1, programid: 1 };
  Object.defineProperty(row, "value", {
    enumerable: true,
    get() {
      reads++;
      return 42;
    },
  });
  const rows = (field: string) => (field === "prv_candidates" ? [row] : undefined);
  return { record: { crossMatches: {}, append: () => undefined, rows }, reads: () => reads };
}

interface Ran {
  readonly matches: readonly Match[];
  readonly tallies: ReadonlyMap<string, Tally>;
}

/** Runs filters on alerts as a decode thread does, each alert with this record of its object. */
function run(
  filters: readonly FilterDocument[],
  alerts: readonly AlertRecord[],
  record: ObjectRecord = countingRecord().record,
): Ran {
  const pipelines = new PipelineCompiler();
  const engine = new FilterEngine(
    surveyOfCatalog("ZTF_alerts"),
    filters.map((filter) => compileVersion(filter, pipelines)),
  );
  const matches: Match[] = [];
  const emit = (match: Match) => void matches.push(match);
  for (const alert of alerts) {
    for (const waiting of engine.begin(alert, emit)) engine.finish(waiting, record, emit);
  }
  const tallies = new Map([...engine.takeTallies().values()].flatMap((ofNight) => [...ofNight]));
  return { matches, tallies };
}

describe("copies of a filter", () => {
  test("match each for itself, with one run of the pipeline", () => {
    const { record, reads } = countingRecord();
    const ran = run(copies(VALUES), [alertWith(1n, "a", JD)], record);
    expect(ran.matches.map(({ filter_id }) => filter_id)).toEqual([1, 2, 3, 4, 5]);
    for (const { annotations } of ran.matches) expect(annotations).toEqual({ values: [42] });
    expect(reads()).toBe(1);
    for (const tally of ran.tallies.values()) {
      expect(tally).toMatchObject({ seen: 1, passed: 1, runs: 1, errors: 0 });
    }
  });

  test("with other permissions have a run of their own", () => {
    const { record, reads } = countingRecord();
    const filters = [
      ...copies(VALUES),
      filterDocument(6, VALUES, { permissions: [2] }),
      filterDocument(7, VALUES, { permissions: [1, 2] }),
    ];
    const ran = run(filters, [alertWith(1n, "a", JD), alertWith(2n, "b", JD, { programid: 2 })], record);
    expect(ran.matches.filter(({ candid }) => candid === 1n)).toHaveLength(COPIES + 1);
    const ofSecond = ran.matches.filter(({ candid }) => candid === 2n);
    expect(ofSecond.map(({ filter_id, annotations }) => [filter_id, annotations])).toEqual([
      ...copies(VALUES).map(({ filter_id }) => [filter_id, { values: [42] }]),
      // Of the partnership alone: the row is public.
      [6, { values: [] }],
      [7, { values: [42] }],
    ]);
    // Two sets see the first alert, three the second, one of them no row.
    expect(reads()).toBe(4);
  });

  test("that need the object's record do not get what others made without it", () => {
    const early = [{ $project: { annotations: { drb: "$candidate.drb" } } }];
    const filters = [filterDocument(1, early), filterDocument(2, VALUES), filterDocument(3, early)];
    const sometimes: Document[] = [
      { $match: { $expr: { $gt: ["$candidate.drb", 0.9] } } },
      { $match: { "prv_candidates.0": { $exists: true } } },
    ];
    const ran = run(
      [...filters, filterDocument(4, sometimes), filterDocument(5, sometimes), filterDocument(6, VALUES)],
      [alertWith(1n, "a", JD, { drb: 0.95 }), alertWith(2n, "b", JD, { drb: 0.5 })],
    );
    const told = ran.matches.map(({ candid, filter_id, annotations }) => [candid, filter_id, annotations]);
    expect(told).toEqual([
      [1n, 1, { drb: 0.95 }],
      [1n, 2, { values: [42] }],
      [1n, 3, { drb: 0.95 }],
      [1n, 4, {}],
      [1n, 5, {}],
      [1n, 6, { values: [42] }],
      [2n, 1, { drb: 0.5 }],
      [2n, 2, { values: [42] }],
      [2n, 3, { drb: 0.5 }],
      [2n, 6, { values: [42] }],
    ]);
  });

  test("save and follow up each by its own rules", () => {
    const rule = (least: number) => ({
      active: true,
      comment: `above ${least}`,
      pipeline: JSON.stringify([{ $match: { "candidate.drb": { $gt: least } } }]),
    });
    const filters = [
      filterDocument(1, VALUES, { autosave: rule(0.9) }),
      filterDocument(2, VALUES, { autosave: rule(0.97) }),
      filterDocument(3, VALUES, { autosave: true }),
      filterDocument(4, VALUES),
    ];
    const ran = run(filters, [alertWith(1n, "a", JD, { drb: 0.95 })]);
    expect(ran.matches.map(({ autosave }) => autosave)).toEqual([{ comment: "above 0.9" }, false, {}, false]);
  });

  test("draw each for itself where the pipeline is random", () => {
    const random: Document[][] = [
      [{ $match: { $sampleRate: 0.5 } }],
      [{ $match: { $expr: { $lt: [{ $rand: {} }, 0.5] } } }],
    ];
    for (const pipeline of random) {
      const alerts = Array.from({ length: 64 }, (_, n) => alertWith(BigInt(n + 1), `${n}`, JD));
      const ran = run(copies(pipeline, {}, 2), alerts);
      const passed = (filter: string) =>
        ran.matches.filter((match) => match.filter === filter).map(({ candid }) => candid);
      expect(passed("10/1")).not.toEqual(passed("10/2"));
    }
  });

  test("are known by their text: lists that another system stored are run each", () => {
    const listed = (number: number, pipeline: Document[]) => {
      const filter = filterDocument(number, pipeline);
      return { ...filter, fv: filter.fv.map((version) => ({ ...version, pipeline: pipeline as never })) };
    };
    const drb: Document[] = [{ $project: { annotations: { drb: "$candidate.drb" } } }];
    const ran = run([listed(1, VALUES), listed(2, drb)], [alertWith(1n, "a", JD)]);
    expect(ran.matches.map(({ annotations }) => annotations)).toEqual([{ values: [42] }, { drb: 0.95 }]);
  });

  test("fail each, with one message", () => {
    const broken = [{ $match: { $expr: { $gt: [{ $size: "$fp_hists" }, 0] } } }];
    const ran = run(copies(broken), [alertWith(1n, "a", JD), alertWith(2n, "b", JD)]);
    expect(ran.matches).toEqual([]);
    expect(ran.tallies.size).toBe(COPIES);
    for (const tally of ran.tallies.values()) {
      expect(tally).toMatchObject({ seen: 2, passed: 0, errors: 2, overruns: 0, failure: { candid: "2" } });
      expect(tally.failure?.message).toContain("$size");
    }
  });

  test("overrun each, at the cost of one", () => {
    const slow: Document[] = [
      { $project: { n: { $map: { input: LONG, in: { $sum: { $map: { input: LONG, in: 1 } } } } } } },
    ];
    const ran = run(copies(slow), [alertWith(1n, "a", JD)]);
    for (const tally of ran.tallies.values()) {
      expect(tally).toMatchObject({ seen: 1, passed: 0, errors: 1, overruns: 1, runs: 1 });
      expect(tally.failure?.message).toContain("took longer than its time limit of 500 ms");
    }
    const [first, ...others] = [...ran.tallies.values()].map(({ micros }) => micros / 1000);
    expect(first).toBeGreaterThan(400);
    expect(Math.max(...others)).toBeLessThan(100);
  });

  test("property: match as filters do that are alone", () => {
    const stage = fc.constantFrom<Document>(
      { $match: { "candidate.drb": { $gt: 0.6 } } },
      { $match: { "prv_candidates.0": { $exists: true } } },
      { $match: { $expr: { $gt: [{ $size: "$fp_hists" }, 0] } } },
      { $addFields: { n: { $size: "$prv_candidates" } } },
      { $addFields: { annotations: { drb: "$candidate.drb", n: "$n" } } },
      { $project: { annotations: { all: "$prv_candidates.value", n: "$n" } } },
      { $unset: "annotations.drb" },
    );
    const pipelines = fc.array(fc.array(stage, { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 3,
    });
    const alerts = fc.array(fc.constantFrom(0.5, 0.7, 0.95), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(pipelines, alerts, (given, drbs) => {
        const records = drbs.map((drb, n) => alertWith(BigInt(n + 1), `${n}`, JD, { drb }));
        const told = (ran: Ran, filterId: number) => {
          const {
            micros: _micros,
            times: _times,
            failure,
            ...counted
          } = ran.tallies.get(`10/${filterId}`) ?? {};
          const matched = ran.matches.filter(({ filter_id }) => filter_id === filterId);
          const what = matched.map(({ candid, annotations }) => [candid, annotations]);
          return [what, counted, failure?.candid, failure?.message];
        };
        const filters = [...given, ...given].map((pipeline, n) => filterDocument(n + 1, pipeline));
        const together = run(filters, records);
        for (const [n, pipeline] of given.entries()) {
          const alone = told(run([filterDocument(1, pipeline)], records), 1);
          expect(told(together, n + 1)).toEqual(alone);
          expect(told(together, given.length + n + 1)).toEqual(alone);
        }
      }),
      { numRuns: 60 },
    );
  });
});

let bench: FilterBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

test("copies that are added or changed share from then on, and no longer", async () => {
  const at = await openFilterBench(copies(VALUES, {}, 2));
  bench = at;
  const readsOf = async (): Promise<[matches: number, reads: number]> => {
    const { record, reads } = countingRecord();
    await at.registry.refresh();
    const matches: Match[] = [];
    const engine = at.registry.engine("ZTF");
    for (const waiting of engine?.begin(alertWith(1n, "a", JD), (match) => matches.push(match)) ?? []) {
      engine?.finish(waiting, record, (match) => matches.push(match));
    }
    return [matches.length, reads()];
  };
  expect(await readsOf()).toEqual([2, 1]);
  await at.store.insert("filters", [filterDocument(3, VALUES)]);
  expect(await readsOf()).toEqual([3, 1]);
  await at.store.replace("filters", filterDocument(1, [...VALUES, { $match: { "annotations.values": 42 } }]));
  expect(await readsOf()).toEqual([3, 2]);
  await at.store.remove("filters", "10/1");
  await at.store.remove("filters", "10/2");
  expect(await readsOf()).toEqual([1, 1]);
});
