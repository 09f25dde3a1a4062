/** `$fill`: values in the place of null and missing ones. */
import { QueryError } from "../errors.ts";
import { runStage } from "../pipeline/compile.ts";
import type { Flow, PipelineNode, RunContext, Running, StageNode } from "../pipeline/nodes.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import { type Document, getField, isDocument, setField, type Value } from "../values.ts";
import { readOptions, readPlainPath } from "./arguments.ts";
import { addFields } from "./project.ts";
import { windowStage } from "./set-window-fields.ts";

export const fill: StageDefinition = {
  name: "$fill",
  summary: "Fills null and missing values: with a value, the last one that was there, or on a line.",
  example: {
    stage: { $fill: { sortBy: { t: 1 }, output: { mag: { method: "linear" }, fid: { value: 1 } } } },
    documents: [
      { t: 1, mag: 18 },
      { t: 2, mag: null },
      { t: 3, mag: 19 },
    ],
    result: [
      { t: 1, mag: 18, fid: 1 },
      { t: 2, mag: 18.5, fid: 1 },
      { t: 3, mag: 19, fid: 1 },
    ],
  },
  parse(argument, at, reader) {
    const options = readOptions(argument, at, ["output"], ["partitionBy", "partitionByFields", "sortBy"]);
    const { values, methods } = readOutput(options, at, reader);
    const stages: Omit<StageNode, "name">[] = [];
    const partitionBy = readPartition(options, at);
    const sortBy = getField(options, "sortBy");
    if (Object.keys(methods).length > 0)
      stages.push(windowStage({ partitionBy, sortBy, output: methods }, at, reader));
    if (Object.keys(values).length > 0) stages.push(addFields.parse(values, `${at}.output`, reader));
    return {
      at,
      pipelines: [] as PipelineNode[],
      compile() {
        const compiled = stages.map((stage) => stage.compile([]));
        return {
          kind: "flow",
          run: (input: Flow, context: RunContext) => {
            let flow: Flow = input;
            for (const stage of compiled) flow = runStage(stage, flow, context);
            return passOn(flow);
          },
        };
      },
    };
  },
};

function* passOn(flow: Flow): Running {
  yield* flow;
}

function readOutput(
  options: Document,
  at: string,
  reader: PipelineReader,
): { values: Document; methods: Document } {
  const output = getField(options, "output") ?? null;
  if (!isDocument(output) || Object.keys(output).length === 0)
    throw new QueryError(
      "invalid",
      `${at}.output`,
      "needs an object {field: {value: …}} or {field: {method: …}}",
    );
  const values: Document = {};
  const methods: Document = {};
  for (const path of Object.keys(output)) {
    const where = `${at}.output.${path}`;
    const how = readOptions(getField(output, path) ?? null, where, [], ["value", "method"]);
    const value = getField(how, "value");
    const method = getField(how, "method");
    if (value !== undefined && method !== undefined)
      throw new QueryError("invalid", where, "has either value or method");
    if (value === undefined && method === undefined) continue;
    if (value !== undefined) {
      reader.expression(value, `${where}.value`);
      setField(values, path, { $ifNull: [`$${path}`, value] });
    } else if (method === "linear") setField(methods, path, { $linearFill: `$${path}` });
    else if (method === "locf") setField(methods, path, { $locf: `$${path}` });
    else throw new QueryError("invalid", `${where}.method`, "needs linear or locf");
  }
  return { values, methods };
}

function readPartition(options: Document, at: string): Value | undefined {
  const by = getField(options, "partitionBy");
  const fields = getField(options, "partitionByFields");
  if (by !== undefined && fields !== undefined)
    throw new QueryError("invalid", at, "has either partitionBy or partitionByFields");
  if (by !== undefined && !isDocument(by))
    throw new QueryError("invalid", `${at}.partitionBy`, "needs an object; name fields in partitionByFields");
  if (fields === undefined) return by;
  const where = `${at}.partitionByFields`;
  if (!Array.isArray(fields)) throw new QueryError("invalid", where, "needs an array of field names");
  const partition: Document = {};
  fields.forEach((field, i) => {
    const path = readPlainPath(field, `${where}[${i}]`).join(".");
    setField(partition, `f${i}`, `$${path}`);
  });
  return partition;
}
