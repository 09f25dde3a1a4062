/** Pipelines as a whole: what is refused and where, what is walked, how they run. */
import { describe, expect, test } from "bun:test";
import {
  collectionsOf,
  compileFilter,
  compilePipeline,
  Deadline,
  type Document,
  parsePipeline,
  QueryError,
} from "../../../src/query/index.ts";

function errorOf(stages: unknown, forbid: Record<string, string> = {}): string {
  try {
    parsePipeline(stages, { forbid });
    return "no error";
  } catch (error) {
    if (error instanceof QueryError) return error.message;
    throw error;
  }
}

function run(stages: Document[], documents: Document[]): Document[] {
  return [...compilePipeline(parsePipeline(stages)).run(documents)];
}

describe("reading pipelines", () => {
  test("errors name the place and the right name", () => {
    const stages = [{ $limit: 1 }, { $match: { $and: [{ "candidate.drb": { $gtt: 0.5 } }] } }];
    expect(errorOf(stages)).toBe(
      "pipeline[1].$match.$and[0].candidate.drb.$gtt: unknown operator, did you mean $gt?",
    );
    expect(errorOf([{ $mach: {} }])).toBe("pipeline[0].$mach: unknown stage, did you mean $match?");
    expect(errorOf([{ $match: {}, $limit: 1 }])).toBe("pipeline[0]: a stage has exactly one field, not 2");
    expect(errorOf({})).toBe("pipeline: needs an array of stages");
    expect(errorOf([{ $limit: 0 }])).toBe("pipeline[0].$limit: needs an integer of at least 1");
  });

  test("what writes is always refused, other stages by the caller", () => {
    expect(errorOf([{ $out: "x" }])).toBe("pipeline[0].$out: $out is not allowed: pipelines only read");
    expect(errorOf([{ $sort: { a: 1 } }], { $sort: "because" })).toBe(
      "pipeline[0].$sort: $sort is not allowed: because",
    );
  });

  test("names of prototypes are no stages", () => {
    expect(errorOf([{ constructor: 1 }])).toContain("unknown stage");
    expect(errorOf([JSON.parse('{"__proto__": 1}')])).toContain("unknown stage");
  });

  test("other collections are found", () => {
    expect([...collectionsOf(parsePipeline([{ $match: {} }]))]).toEqual([]);
  });
});

describe("running pipelines", () => {
  test("stages run one after the other", () => {
    const documents = [
      { _id: 1, a: [3, 4] },
      { _id: 2, a: [] },
      { _id: 3, a: 5 },
    ];
    expect(run([{ $unwind: "$a" }, { $match: { a: { $gt: 3 } } }, { $sort: { a: -1 } }], documents)).toEqual([
      { _id: 3, a: 5 },
      { _id: 1, a: 4 },
    ]);
  });

  test("a filter answers the first resulting document and changes nothing", () => {
    const filter = compileFilter(parsePipeline([{ $match: { a: { $gt: 1 } } }, { $unset: "b.c" }]));
    const document = { _id: 1, a: 2, b: { c: 1, d: 2 } };
    expect(filter(document)).toEqual({ _id: 1, a: 2, b: { d: 2 } });
    expect(document).toEqual({ _id: 1, a: 2, b: { c: 1, d: 2 } });
    expect(filter({ _id: 1, a: 1 })).toBeUndefined();
  });

  test("a time limit ends the run", () => {
    const endless = (function* () {
      for (let i = 0; ; i++) yield { _id: i };
    })();
    const running = compilePipeline(parsePipeline([{ $sort: { _id: 1 } }])).run(endless, {
      deadline: new Deadline(20),
    });
    expect(() => [...running]).toThrow(/time limit/);
  });

  test("a sort beyond its memory is an error that says what to do", () => {
    const documents = Array.from({ length: 100 }, (_, i) => ({ _id: i, text: "x".repeat(100) }));
    const pipeline = compilePipeline(parsePipeline([{ $sort: { _id: 1 } }]));
    expect(() => [...pipeline.run(documents, { limits: { stageBytes: 10_000 } })]).toThrow(
      /pipeline\[0\]\.\$sort: needs more than .* MB of memory/,
    );
  });
});
