/** What filters did: stored by night, told in the log; and filters that take too long are switched off. */
import { afterEach, describe, expect, test } from "bun:test";
import { FilterReports, Filters, filterBatch, readReports, Trials } from "../../src/filters/index.ts";
import { alertWith, type FilterBench, filterDocument, openFilterBench } from "./support.ts";

let bench: FilterBench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

/** 2024-01-02 and the night after it. */
const JD = 2460311.7;
/** A product of arrays that no time limit allows to end. */
const ENDLESS = [
  {
    $match: {
      $expr: {
        $gt: [
          {
            $size: {
              $filter: {
                input: { $range: [0, 100_000] },
                as: "a",
                cond: {
                  $eq: [
                    0,
                    {
                      $size: {
                        $filter: { input: { $range: [0, 10_000] }, as: "b", cond: { $eq: ["$$a", "$$b"] } },
                      },
                    },
                  ],
                },
              },
            },
          },
          0,
        ],
      },
    },
  },
];

async function open(...documents: ReturnType<typeof filterDocument>[]) {
  const opened = await openFilterBench(documents);
  bench = opened;
  const log: string[] = [];
  const filters = new Filters(opened.store, {
    trials: new Trials({ kind: "embedded", dataDir: opened.dataDir }),
    maxShare: 1,
    minMatches: 0,
  });
  const tell = (_: object, message: string) => void log.push(message);
  const reports = new FilterReports(opened.store, filters, { info: tell, warn: tell });
  const ingest = async (...alerts: Parameters<typeof alertWith>[]) => {
    const records = alerts.map((given) => alertWith(...given));
    await opened.write(records, await filterBatch(records, opened.registry, opened.reader));
    reports.take({ tallies: opened.registry.takeTallies(), broken: opened.registry.takeBroken() });
  };
  return { ...opened, log, filters, reports, ingest };
}

describe("reports", () => {
  test("count by night and filter, and add up over processes", async () => {
    const failing = [{ $match: { $expr: { $gt: [{ $size: "$fp_hists" }, 0] } } }];
    const at = await open(
      filterDocument(1, [{ $match: { "candidate.drb": { $gt: 0.9 } } }]),
      filterDocument(2, failing),
    );
    await at.ingest([1n, "a", JD, { drb: 0.5 }], [2n, "b", JD, {}]);
    await at.ingest([3n, "c", JD + 1, {}]);
    await at.reports.close();
    const other = new FilterReports(at.store, at.filters, { info() {}, warn() {} });
    other.take({
      tallies: [
        {
          night: "20240103",
          filter: "10/1",
          tally: { seen: 5, passed: 4, errors: 0, overruns: 0, runs: 4, micros: 40, times: [0, 0, 0, 4] },
        },
      ],
      broken: [],
    });
    await other.close();
    const found = await readReports(at.store, {});
    const counts = found.map(({ night, filter, seen, passed, errors }) => [
      night,
      filter,
      seen,
      passed,
      errors,
    ]);
    expect(counts.sort()).toEqual([
      ["20240102", "10/1", 2, 1, 0],
      ["20240102", "10/2", 2, 0, 2],
      ["20240103", "10/1", 6, 5, 0],
      ["20240103", "10/2", 1, 0, 1],
    ]);
    expect(found.find(({ night, filter }) => night === "20240102" && filter === "10/2")).toMatchObject({
      last_error: { candid: 2n, message: expect.stringContaining("$size") as unknown as string },
    });
    expect(at.log).toEqual([
      "filters of the night 20240102: 2 ran, 1 matches, 2 errors",
      "filters of the night 20240103: 2 ran, 1 matches, 1 errors",
    ]);
  });

  test("annotations that could never be written out are that filter's error, not the stream's end", async () => {
    const million = { $range: [0, 1_000_000] };
    const annotations = { x: { $map: { input: million, in: million } } };
    const at = await open(
      filterDocument(1, [{ $project: { annotations } }]),
      filterDocument(2, [{ $match: {} }]),
    );
    await at.ingest([1n, "o1", JD]);
    expect(at.reports.totals().get("10/1")).toMatchObject({ seen: 1, passed: 0 });
    expect(at.reports.totals().get("10/2")).toMatchObject({ seen: 1, passed: 1 });
  });

  test("a filter that takes too long now and then, less than three times a night, goes on", async () => {
    const at = await open(filterDocument(1, ENDLESS));
    await at.ingest([1n, "o1", JD], [2n, "o2", JD], [3n, "o3", JD + 1], [4n, "o4", JD + 1]);
    await at.ingest([5n, "o5", JD + 2]);
    expect(at.reports.totals().get("10/1")).toMatchObject({ seen: 5, overruns: 5 });
    expect((await at.filters.all({ _id: "10/1" }))[0]).toMatchObject({ active: true });
  });

  test("a filter that takes too long three times is switched off with the reason; the others go on", async () => {
    const at = await open(filterDocument(1, ENDLESS), filterDocument(2, [{ $match: {} }]));
    await at.ingest(
      ...[1n, 2n, 3n, 4n].map((candid): [bigint, string, number] => [candid, `o${candid}`, JD]),
    );
    // The fourth alert did not wait for it, though it is switched off only now.
    const tallies = at.reports.totals();
    expect(tallies.get("10/1")).toMatchObject({ seen: 3, overruns: 3, passed: 0 });
    expect(tallies.get("10/2")).toMatchObject({ seen: 4, passed: 4 });
    const off = async () => (await at.filters.all({ _id: "10/1" }))[0];
    for (let i = 0; i < 100 && (await off())?.active === true; i++) await Bun.sleep(20);
    expect(await off()).toMatchObject({
      active: false,
      switched_off: {
        reason: expect.stringMatching(
          /took too long on 3 alerts.*last on 3: pipeline.*500 ms/,
        ) as unknown as string,
      },
    });
    expect(at.log.some((line) => line.includes("filter 10/1 was switched off"))).toBe(true);
    await at.ingest([5n, "o5", JD, {}]);
    expect(at.reports.totals().get("10/1")?.seen).toBe(3);
  });

  test("a stored filter that cannot be run is switched off with the reason", async () => {
    const at = await open(filterDocument(1, [{ $matc: {} }]));
    await at.ingest([1n, "a", JD, {}]);
    const state = async () => (await at.filters.all({ _id: "10/1" }))[0];
    for (let i = 0; i < 100 && (await state())?.active === true; i++) await Bun.sleep(20);
    expect((await state())?.switched_off?.reason).toMatch(/cannot run it: pipeline\[0\].*\$matc/);
  });
});
