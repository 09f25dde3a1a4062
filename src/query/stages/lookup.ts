/** `$lookup`: to each document what another collection has for it. */
import type { Bounds } from "../bounds.ts";
import { QueryError } from "../errors.ts";
import { checkVariableName } from "../expressions/index.ts";
import { compilePipelineFlow, type PipelineFlow } from "../pipeline/compile.ts";
import type { Evaluate, Expression } from "../pipeline/expression.ts";
import { MemoryAccount } from "../pipeline/memory.ts";
import type { Flow, PipelineNode, RunContext, Running } from "../pipeline/nodes.ts";
import { planPipeline } from "../pipeline/plan.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import { readOptions, readPlainPath, refuseFailingConstants } from "./arguments.ts";
import { read, readCollection, withEqual } from "./foreign.ts";
import { valuesAlong, withValueAt } from "./paths.ts";

export const lookup: StageDefinition = {
  name: "$lookup",
  summary: "Adds an array of the documents of another collection that belong to each document.",
  example: {
    stage: {
      $lookup: { pipeline: [{ $documents: [{ x: 1 }] }], as: "all" },
    },
    documents: [{ _id: 1 }],
    result: [{ _id: 1, all: [{ x: 1 }] }],
  },
  parse(argument, at, reader) {
    const how = refuseFailingConstants(() => readLookup(argument, at, reader));
    const { pipeline, collection } = how;
    return {
      at,
      pipelines: pipeline === undefined ? [] : [pipeline],
      ...(collection === undefined ? {} : { collection }),
      compile() {
        const join = new Join(how, at);
        return { kind: "flow", run: (input, context) => join.run(input, context) };
      },
    };
  },
};

interface Lookup {
  readonly collection: string | undefined;
  readonly as: readonly string[];
  /** Paths whose values must be equal. */
  readonly fields: { readonly local: readonly string[]; readonly foreign: readonly string[] } | undefined;
  readonly variables: readonly (readonly [string, Expression])[];
  readonly pipeline: PipelineNode | undefined;
}

const OPTIONS = ["from", "localField", "foreignField", "let", "pipeline"];

function readLookup(argument: Value, at: string, reader: PipelineReader): Lookup {
  const options = readOptions(argument, at, ["as"], OPTIONS);
  const variables = readVariables(getField(options, "let"), `${at}.let`, reader);
  const given = getField(options, "pipeline");
  const local = getField(options, "localField");
  const foreign = getField(options, "foreignField");
  if ((local === undefined) !== (foreign === undefined))
    throw new QueryError("invalid", at, "localField and foreignField go together");
  if (given === undefined && local === undefined)
    throw new QueryError("invalid", at, "needs a pipeline, or localField and foreignField");
  if (given === undefined && getField(options, "let") !== undefined)
    throw new QueryError("invalid", `${at}.let`, "variables need a pipeline");
  const inside = reader.inside({ variables: variables.map(([name]) => name) });
  const pipeline = given === undefined ? undefined : inside.pipeline(given, `${at}.pipeline`);
  return {
    collection: readCollection(getField(options, "from"), pipeline, `${at}.from`),
    as: readPlainPath(getField(options, "as"), `${at}.as`),
    fields:
      local === undefined
        ? undefined
        : {
            local: readPlainPath(local, `${at}.localField`),
            foreign: readPlainPath(foreign, `${at}.foreignField`),
          },
    variables,
    pipeline,
  };
}

function readVariables(
  value: Value | undefined,
  at: string,
  reader: PipelineReader,
): (readonly [string, Expression])[] {
  if (value === undefined) return [];
  if (!isDocument(value)) throw new QueryError("invalid", at, "needs an object {name: expression}");
  return Object.keys(value).map((name) => {
    checkVariableName(name, `${at}.${name}`);
    return [name, reader.lenientExpression(getField(value, name) ?? null, `${at}.${name}`)];
  });
}

class Join {
  readonly #flow: PipelineFlow | undefined;
  readonly #variables: readonly (readonly [string, Evaluate])[];

  constructor(
    readonly how: Lookup,
    readonly at: string,
  ) {
    this.#flow = how.pipeline === undefined ? undefined : compilePipelineFlow(how.pipeline);
    this.#variables = how.variables.map(([name, expression]) => [name, expression.compile()]);
  }

  *run(input: Flow, context: RunContext): Running {
    const { how } = this;
    // Without fields and variables all documents get the same.
    const same = how.fields === undefined && how.variables.length === 0;
    const shared = new MemoryAccount(this.at, context);
    let found: Document[] | undefined;
    for (const document of input) {
      if (document === undefined) {
        yield undefined;
        continue;
      }
      if (found === undefined || !same) {
        const account = same ? shared : new MemoryAccount(this.at, context);
        found = yield* this.#find(document, context, account);
      }
      yield withValueAt(document, how.as, found);
    }
  }

  *#find(
    document: Document,
    context: RunContext,
    account: MemoryAccount,
  ): Generator<undefined, Document[], undefined> {
    const found: Document[] = [];
    for (const other of this.#others(document, context)) {
      if (other === undefined) {
        yield undefined;
        continue;
      }
      account.keep(other);
      found.push(other);
    }
    return found;
  }

  #others(document: Document, context: RunContext): Flow {
    const variables = new Map(context.variables);
    for (const [name, evaluate] of this.#variables)
      variables.set(name, evaluate(document, context.variables));
    const inside = { ...context, variables };
    const source = this.#source(document, inside);
    return this.#flow === undefined ? source : this.#flow(source, inside);
  }

  #source(document: Document, context: RunContext): Flow {
    const { collection, fields, pipeline } = this.how;
    if (collection === undefined) return [];
    const lead: Bounds =
      pipeline === undefined
        ? { kind: "all" }
        : planPipeline(pipeline, context.variables, context.positionPath).bounds;
    if (fields === undefined) return read(context, this.at, collection, lead);
    const values = valuesAlong(document, fields.local);
    if (values.length === 0) values.push(null);
    const equal: Bounds = { kind: "in", path: fields.foreign.join("."), values };
    // An array equals both the whole and an item of what stands at the path: no index holds that.
    const bounds: Bounds = values.some(Array.isArray) ? lead : { kind: "and", parts: [equal, lead] };
    return withEqual(read(context, this.at, collection, bounds), fields.foreign, values);
  }
}
