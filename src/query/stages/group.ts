/** `$group`: one document for each different key. */

import type { Accumulator } from "../accumulators/accumulator.ts";
import { type CompiledAccumulator, type ParsedAccumulator, readAccumulator } from "../accumulators/index.ts";
import { QueryError } from "../errors.ts";
import { widthOf } from "../expressions/numbers.ts";
import type { Evaluate, Expression } from "../pipeline/expression.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running, Variables } from "../pipeline/nodes.ts";
import type { PipelineReader, StageDefinition } from "../pipeline/reader.ts";
import { type ValueKey, valueKey } from "../pipeline/value-key.ts";
import { type Document, getField, isDocument, setField, type Value } from "../values.ts";

/** What a group takes beside its values, bytes. */
const GROUP_BYTES = 200;

export const group: StageDefinition = {
  name: "$group",
  summary: "Yields one document for each different `_id`, with accumulated fields.",
  example: {
    stage: { $group: { _id: "$objectId", n: { $sum: 1 }, brightest: { $min: "$mag" } } },
    documents: [
      { _id: 1, objectId: "a", mag: 18.5 },
      { _id: 2, objectId: "a", mag: 17.5 },
      { _id: 3, objectId: "b", mag: 19.5 },
    ],
    result: [
      { _id: "a", n: 2, brightest: 17.5 },
      { _id: "b", n: 1, brightest: 19.5 },
    ],
  },
  parse(argument, at, reader) {
    if (!isDocument(argument)) throw new QueryError("invalid", at, "needs an object {_id: …}");
    if (!Object.hasOwn(argument, "_id"))
      throw new QueryError("invalid", at, "needs an _id: the expression to group by, or null for one group");
    const key = readKey(argument["_id"] ?? null, `${at}._id`, reader);
    const names = Object.keys(argument).filter((name) => name !== "_id");
    const fields = readAccumulatedFields(argument, names, at, reader);
    return {
      at,
      pipelines: [],
      compile() {
        const grouping = { at, key: key(), fields: compileFields(fields) };
        return { kind: "flow", run: (input, context) => grouped(input, grouping, context) };
      },
    };
  },
};

/** Reads the accumulated fields with these names. */
export function readAccumulatedFields(
  specification: Document,
  names: readonly string[],
  at: string,
  reader: PipelineReader,
): AccumulatedField<ParsedAccumulator>[] {
  return names.map((name) => {
    const where = `${at}.${name}`;
    if (name.includes(".")) throw new QueryError("invalid", where, "the field's name cannot contain a dot");
    if (name.startsWith("$")) throw new QueryError("invalid", where, "the field's name cannot begin with $");
    return { name, accumulator: readAccumulator(getField(specification, name) ?? null, where, reader) };
  });
}

export interface AccumulatedField<A> {
  readonly name: string;
  readonly accumulator: A;
}

export function compileFields(
  fields: readonly AccumulatedField<ParsedAccumulator>[],
): AccumulatedField<CompiledAccumulator>[] {
  return fields.map(({ name, accumulator }) => ({ name, accumulator: accumulator.compile() }));
}

/** The key of a document's group, and the `_id` that shows it. */
interface Key {
  readonly key: ValueKey;
  readonly id: Value;
}

type KeyOf = (document: Document, variables: Variables) => Key;

/** Reads the `_id`. Fields of an object are the parts of a key: each may be missing. */
function readKey(value: Value, at: string, reader: PipelineReader): () => KeyOf {
  const names = isDocument(value) ? Object.keys(value) : [];
  if (!isDocument(value) || names.length === 0 || names[0]?.startsWith("$")) {
    const expression = reader.expression(value, at);
    return () => singleKey(expression.compile());
  }
  for (const name of names) {
    const part = getField(value, name);
    if (widthOf(part) !== 0 || typeof part === "boolean") {
      throw new QueryError(
        "invalid",
        `${at}.${name}`,
        "needs an expression; write {$literal: …} for a constant",
      );
    }
  }
  // The whole object is read for its checks, its parts for what they yield.
  reader.expression(value, at);
  const parts = names.map((name): [string, Expression] => [
    name,
    reader.expression(getField(value, name) ?? null, `${at}.${name}`),
  ]);
  return () => compositeKey(parts.map(([name, expression]) => [name, expression.compile()]));
}

export function singleKey(evaluate: Evaluate): KeyOf {
  return (document, variables) => {
    const id = evaluate(document, variables) ?? null;
    return { key: valueKey(id), id };
  };
}

function compositeKey(parts: readonly (readonly [string, Evaluate])[]): KeyOf {
  return (document, variables) => {
    const id: Document = {};
    const values = parts.map(([name, evaluate]) => {
      const found = evaluate(document, variables);
      // A key of one part is null where it is missing; of several parts it has none then.
      const value = found === undefined && parts.length === 1 ? null : found;
      if (value !== undefined) setField(id, name, value);
      return value;
    });
    return { key: valueKey(values as Value[]), id };
  };
}

export interface Grouping {
  readonly at: string;
  readonly key: KeyOf;
  readonly fields: readonly AccumulatedField<CompiledAccumulator>[];
}

/** The accumulators of one group. */
export class Group {
  readonly #accumulators: readonly Accumulator[];

  constructor(
    readonly id: Value,
    readonly fields: readonly AccumulatedField<CompiledAccumulator>[],
    readonly variables: Variables,
    account: MemoryAccount,
  ) {
    const document = isDocument(id) ? id : {};
    this.#accumulators = fields.map(({ accumulator }) => accumulator.start(document, variables, account));
  }

  add(document: Document): void {
    for (let i = 0; i < this.fields.length; i++) {
      const input = this.fields[i]?.accumulator.input(document, this.variables);
      this.#accumulators[i]?.add(input);
    }
  }

  /** The group as a document; accumulators without a value show null. */
  document(id: Value = this.id): Document {
    const output: Document = { _id: id };
    this.fields.forEach(({ name }, i) => {
      setField(output, name, this.#accumulators[i]?.result() ?? null);
    });
    return output;
  }
}

export function* grouped(input: Flow, { at, key, fields }: Grouping, context: RunContext): Running {
  const { variables } = context;
  const account = new MemoryAccount(at, context);
  const groups = new Map<ValueKey, Group>();
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const found = key(document, variables);
    let group = groups.get(found.key);
    if (group === undefined) {
      account.add(GROUP_BYTES + 2 * sizeOf(found.id));
      group = new Group(found.id, fields, variables, account);
      groups.set(found.key, group);
    }
    group.add(document);
  }
  for (const group of groups.values()) yield group.document();
}
