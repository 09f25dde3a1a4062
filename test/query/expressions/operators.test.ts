/** Every operator's own example, by the compiled code and by a server. */
import { describe, expect, test } from "bun:test";
import { compileExpression, expressionOperators } from "../../../src/query/index.ts";
import { describeValue, expectAlike, withoutServer } from "./oracle.ts";

describe("examples of operators", () => {
  for (const { name, example } of expressionOperators) {
    test(name, () => {
      const result = compileExpression(example.expression, "example")(example.document);
      expect(describeValue(result)).toBe(describeValue(example.result));
    });
  }

  test.skipIf(withoutServer)("give the same on the server", async () => {
    const cases = expressionOperators
      .filter(({ volatile }) => volatile !== true)
      .map(({ example }) => [example.expression, example.document] as const);
    await expectAlike(cases);
  });
});
