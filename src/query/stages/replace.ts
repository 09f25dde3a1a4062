/** `$replaceRoot` and `$replaceWith`: another document in place of each. */
import { needDocument } from "../fusion/fusible.ts";
import type { Expression } from "../pipeline/expression.ts";
import type { StageNode } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { getField } from "../values.ts";
import { readOptions } from "./arguments.ts";

export const replaceRoot: StageDefinition = {
  name: "$replaceRoot",
  summary: "Replaces each document by one that an expression yields.",
  example: {
    stage: { $replaceRoot: { newRoot: "$candidate" } },
    documents: [{ _id: 1, candidate: { jd: 2460000.5 } }],
    result: [{ jd: 2460000.5 }],
  },
  parse(argument, at, reader) {
    const newRoot = getField(readOptions(argument, at, ["newRoot"]), "newRoot") ?? null;
    return replacing(reader.expression(newRoot, `${at}.newRoot`), at);
  },
};

export const replaceWith: StageDefinition = {
  name: "$replaceWith",
  summary: "Replaces each document by one that an expression yields.",
  example: {
    stage: { $replaceWith: { $mergeObjects: [{ _id: "$_id" }, "$candidate"] } },
    documents: [{ _id: 1, candidate: { jd: 2460000.5 } }],
    result: [{ _id: 1, jd: 2460000.5 }],
  },
  parse: (argument, at, reader) => replacing(reader.expression(argument, at), at),
};

function replacing(expression: Expression, at: string): Omit<StageNode, "name"> {
  const compile: StageNode["compile"] = () => {
    const evaluate = expression.compile();
    return {
      kind: "map",
      apply(document, { variables }) {
        return needDocument(evaluate(document, variables), at);
      },
    };
  };
  return { at, pipelines: [], fusible: { kind: "replace", expression, at }, compile };
}
