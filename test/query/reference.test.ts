/** The reference of operators: every example holds, every operator is in it, and the page is up to date. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { operatorsPage } from "../../scripts/operators-page.ts";
import { ACCUMULATORS } from "../../src/query/accumulators/index.ts";
import { compileExpression, expressionOperators } from "../../src/query/expressions/index.ts";
import { compileMatch, compilePipeline, type Document, parsePipeline } from "../../src/query/index.ts";
import { FIELD_OPERATORS } from "../../src/query/match/operators.ts";
import { matchReference } from "../../src/query/match/reference.ts";
import { STAGES } from "../../src/query/stages/index.ts";
import { WINDOW_FUNCTIONS } from "../../src/query/windows/index.ts";

function run(stages: unknown, documents: readonly Document[]): Document[] {
  return [...compilePipeline(parsePipeline(stages)).run(documents)];
}

describe("reference", () => {
  test("docs/operators.md is up to date", async () => {
    const page = Bun.file(join(import.meta.dir, "..", "..", "docs", "operators.md"));
    expect(await page.text(), "run: bun run docs").toBe(operatorsPage());
  });

  test("every operator of filters is described", () => {
    const described = new Set(matchReference.map(({ name }) => name));
    expect([...FIELD_OPERATORS.keys()].filter((name) => !described.has(name))).toEqual([]);
  });

  test.each(matchReference)("filter $name", ({ filter, matches, rejects }) => {
    const test = compileMatch(filter);
    expect(test(matches)).toBe(true);
    if (rejects !== undefined) expect(test(rejects)).toBe(false);
  });

  test.each([...STAGES.values()])("stage $name", ({ example }) => {
    expect(run([example.stage], example.documents as Document[])).toEqual([...example.result] as Document[]);
  });

  test.each([...ACCUMULATORS.values()])("accumulator $name", ({ name, example }) => {
    const stage = { $group: { _id: null, value: { [name]: example.argument } } };
    expect(run([stage], example.documents)).toEqual([{ _id: null, value: example.result }]);
  });

  test.each([...WINDOW_FUNCTIONS.values()])("window function $name", ({ example }) => {
    const stage = { $setWindowFields: { sortBy: example.sortBy, output: { value: example.function } } };
    const found = run([stage, { $project: { value: 1 } }], example.documents);
    expect(found.map(({ value }) => value)).toEqual([...example.result]);
  });

  test.each([...expressionOperators])("expression $name", ({ example }) => {
    const value = compileExpression(example.expression, "example")(example.document);
    expect(value as unknown).toEqual(example.result as unknown);
  });
});
