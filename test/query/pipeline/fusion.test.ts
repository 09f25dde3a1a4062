/** Stages compiled into one function do what they do one after the other: the same documents, the same errors. */
import { describe, expect, test } from "bun:test";
import {
  compileFilter,
  type Document,
  type PipelineNode,
  parsePipeline,
  printJson,
  QueryError,
} from "../../../src/query/index.ts";
import { compileStages } from "../../../src/query/pipeline/compile.ts";
import { anyDocuments, typedDocuments } from "../oracle/documents.ts";
import { anyPipeline } from "../oracle/pipelines.ts";
import { Random } from "../oracle/random.ts";

const CASES = Number(process.env["KOWALSKI_FUSION_CASES"] ?? 800);
const MAPPING = new Set([
  "$match",
  "$project",
  "$addFields",
  "$set",
  "$unset",
  "$replaceRoot",
  "$replaceWith",
]);

/** The stages one after the other, each a function of its own. */
function oneByOne({ at, stages }: PipelineNode): (document: Document) => Document | undefined {
  const filters = stages.map((stage) => compileFilter({ at, stages: [stage] }));
  return (document) => {
    let current: Document | undefined = document;
    for (const filter of filters) {
      if (current === undefined) return undefined;
      current = filter(current);
    }
    return current;
  };
}

function outcome(run: () => Document | undefined): string {
  try {
    const result = run();
    return result === undefined ? "nothing" : printJson(result);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return error.message;
  }
}

function parsed(stages: readonly Document[]): PipelineNode | undefined {
  try {
    return parsePipeline([...stages]);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return undefined;
  }
}

function mappingStages(random: Random, documents: readonly Document[]): Document[] {
  const stages: Document[] = [];
  const wanted = random.int(2, 6);
  while (stages.length < wanted) {
    const query = anyPipeline(random, documents, false);
    if (query.kind !== "aggregate") continue;
    const mapping = (query.pipeline as Document[]).filter((stage) =>
      MAPPING.has(Object.keys(stage)[0] ?? ""),
    );
    stages.push(...mapping.filter((stage) => parsed([stage]) !== undefined));
  }
  return stages.slice(0, wanted);
}

test("random stages", () => {
  let fused = 0;
  for (let seed = 1; seed <= CASES; seed++) {
    const random = new Random(seed);
    const documents = random.chance(0.7) ? typedDocuments(random, 4, 0) : anyDocuments(random, 4, 0);
    const stages = mappingStages(random, documents);
    const pipeline = parsed(stages);
    if (pipeline === undefined) continue;
    if (compileStages(pipeline).length < pipeline.stages.length) fused++;
    const [together, apart] = [compileFilter(pipeline), oneByOne(pipeline)];
    for (const document of documents) {
      const before = printJson(document);
      const [got, wanted] = [outcome(() => together(document)), outcome(() => apart(document))];
      if (got !== wanted || printJson(document) !== before) {
        throw new Error(`seed ${seed}\n${printJson(stages)}\n${before}\nfused: ${got}\napart: ${wanted}`);
      }
    }
  }
  expect(fused).toBeGreaterThan(CASES / 4);
});

function run(stages: Document[], document: Document): string {
  return outcome(() => compileFilter(parsePipeline(stages))(document));
}

describe("fields stand where they stood", () => {
  const document = { _id: 1, a: 1, b: { c: 2, d: 3 }, e: [{ x: 1, y: 2 }] };
  const cases: readonly [string, Document[], string][] = [
    [
      "replaced in place",
      [{ $addFields: { a: 5 } }, { $addFields: { z: "$a" } }],
      '{"_id":1,"a":5,"b":{"c":2,"d":3},"e":[{"x":1,"y":2}],"z":5}',
    ],
    [
      "dropped and added again",
      [{ $unset: ["a", "e"] }, { $addFields: { a: "$b.c" } }],
      '{"_id":1,"b":{"c":2,"d":3},"a":2}',
    ],
    [
      "removed by a missing value and added again",
      [{ $addFields: { a: "$nothing" } }, { $addFields: { a: 7 } }, { $unset: "e" }],
      '{"_id":1,"b":{"c":2,"d":3},"a":7}',
    ],
    [
      "kept in the document's order",
      [{ $project: { e: 1, a: 1, n: "$b.d" } }, { $addFields: { e: "$n" } }],
      '{"_id":1,"a":1,"e":3,"n":3}',
    ],
    [
      "kept in part",
      [{ $project: { b: { d: 1 }, "e.y": 1 } }, { $addFields: { d: "$b.d", c: "$b.c", y: "$e.y" } }],
      '{"_id":1,"b":{"d":3},"e":[{"y":2}],"d":3,"y":[2]}',
    ],
    [
      "computed below nothing",
      [{ $addFields: { s: 1 } }, { $project: { _id: 0, annotations: { s: "$s", t: { u: "$a" } } } }],
      '{"annotations":{"s":1,"t":{"u":1}}}',
    ],
    [
      "computed below something",
      [{ $addFields: { s: 1 } }, { $project: { _id: 0, b: { s: "$s" }, e: { y: 1, s: "$s" } } }],
      '{"b":{"s":1},"e":[{"y":2,"s":1}]}',
    ],
    [
      "of another document",
      [{ $addFields: { s: "$b" } }, { $replaceRoot: { newRoot: "$s" } }],
      '{"c":2,"d":3}',
    ],
  ];
  test.each(cases)("%s", (_name, stages, wanted) => {
    expect(run(stages, document)).toBe(wanted);
    expect(outcome(() => oneByOne(parsePipeline(stages))(document))).toBe(wanted);
  });
});

describe("what is not needed", () => {
  const unread = {
    a: 1,
    get history(): never {
      throw new Error("was read");
    },
  };

  test("is not read for documents that a later stage rejects", () => {
    expect(run([{ $addFields: { b: { $add: ["$a", 1] } } }, { $match: { b: { $gt: 2 } } }], unread)).toBe(
      "nothing",
    );
  });

  test("is not read where it is not kept", () => {
    const stages = [
      { $addFields: { b: { $add: ["$a", 1] }, h: "$history" } },
      { $match: { b: 2 } },
      { $project: { b: 1 } },
    ];
    expect(run(stages, unread)).toBe('{"b":2}');
  });

  test("still fails where it cannot be computed", () => {
    const stages = [{ $addFields: { b: { $toInt: "x$a" } } }, { $match: { a: 5 } }];
    expect(run(stages, { a: 1 })).toStartWith("pipeline[0].$addFields.b.$toInt");
  });
});
