/** `$graphLookup`: follows references through another collection. */
import { BSONRegExp } from "bson";
import { QueryError } from "../errors.ts";
import { compileMatchNode, parseMatch } from "../match/index.ts";
import { someAlong } from "../paths.ts";
import type { Evaluate } from "../pipeline/expression.ts";
import { MemoryAccount } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { type ValueKey, valueKey } from "../pipeline/value-key.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import { integerOf, readOptions, readPlainPath, refuseFailingConstants } from "./arguments.ts";
import { read, readCollection } from "./foreign.ts";
import { compileFilterTest, readFilter } from "./match.ts";
import { valuesAlong, withValueAt } from "./paths.ts";

export const graphLookup: StageDefinition = {
  name: "$graphLookup",
  summary: "Adds an array of the documents of another collection that are reached by following references.",
  example: {
    // Of no documents: an example has no other collection.
    stage: {
      $graphLookup: {
        from: "other",
        startWith: "$a",
        connectFromField: "next",
        connectToField: "_id",
        as: "reached",
      },
    },
    documents: [],
    result: [],
  },
  parse(argument, at, reader) {
    const options = readOptions(
      argument,
      at,
      ["from", "startWith", "connectFromField", "connectToField", "as"],
      ["maxDepth", "depthField", "restrictSearchWithMatch"],
    );
    const path = (name: string) => readPlainPath(getField(options, name), `${at}.${name}`);
    const restriction = getField(options, "restrictSearchWithMatch") ?? {};
    const collection = readCollection(getField(options, "from"), undefined, `${at}.from`) ?? "";
    // The server looks at its constants when a document arrives.
    const startWith = reader.lenientExpression(getField(options, "startWith") ?? null, `${at}.startWith`);
    const filter = refuseFailingConstants(() =>
      readFilter(restriction, `${at}.restrictSearchWithMatch`, reader),
    );
    const depthField = getField(options, "depthField");
    const how = {
      at,
      collection,
      connectFrom: path("connectFromField"),
      connectTo: path("connectToField"),
      as: path("as"),
      depth: depthField === undefined ? undefined : readPlainPath(depthField, `${at}.depthField`),
      maxDepth: readDepth(options, at),
    };
    return {
      at,
      pipelines: [],
      collection,
      compile() {
        const search = new Search(how, compileFilterTest(filter.node, filter.expressions));
        const start = startWith.compile();
        return { kind: "flow", run: (input, context) => followed(input, search, start, context) };
      },
    };
  },
};

function readDepth(options: Document, at: string): number {
  const given = getField(options, "maxDepth");
  if (given === undefined) return Number.POSITIVE_INFINITY;
  const depth = integerOf(given);
  if (depth === undefined || depth < 0n)
    throw new QueryError("invalid", `${at}.maxDepth`, "needs an integer that is not negative");
  return Number(depth);
}

interface GraphLookup {
  readonly at: string;
  readonly collection: string;
  readonly connectFrom: readonly string[];
  readonly connectTo: readonly string[];
  readonly as: readonly string[];
  readonly depth: readonly string[] | undefined;
  readonly maxDepth: number;
}

function* followed(input: Flow, search: Search, start: Evaluate, context: RunContext): Running {
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const from = start(document, context.variables);
    const values = Array.isArray(from) ? from : from === undefined ? [] : [from];
    const reached = yield* search.from(values, context);
    yield withValueAt(document, search.how.as, reached);
  }
}

class Search {
  constructor(
    readonly how: GraphLookup,
    readonly test: (document: Document, variables: RunContext["variables"]) => boolean,
  ) {}

  /** Breadth first: what the values lead to, then what that leads to. */
  *from(values: readonly Value[], context: RunContext): Generator<undefined, Document[], undefined> {
    const { at, depth, maxDepth, connectFrom } = this.how;
    const account = new MemoryAccount(at, context);
    const reached = new Map<ValueKey, Document>();
    const asked = new Set<ValueKey>();
    let frontier = unasked(values, asked);
    for (let level = 0; level <= maxDepth && frontier.length > 0; level++) {
      const next: Value[] = [];
      for (const document of this.#step(frontier, context)) {
        if (document === undefined) {
          yield undefined;
          continue;
        }
        const key = valueKey(document["_id"]);
        if (reached.has(key)) continue;
        account.keep(document);
        reached.set(key, depth === undefined ? document : withValueAt(document, depth, BigInt(level)));
        next.push(...valuesAlong(document, connectFrom));
      }
      frontier = unasked(next, asked);
    }
    return [...reached.values()];
  }

  *#step(frontier: readonly Value[], context: RunContext): Running {
    const { at, collection, connectTo } = this.how;
    const plain = !frontier.some((value) => Array.isArray(value) || value instanceof BSONRegExp);
    const bounds = plain
      ? ({ kind: "in", path: connectTo.join("."), values: frontier } as const)
      : ({ kind: "all" } as const);
    const test = equalTest(connectTo, frontier, at);
    for (const document of read(context, at, collection, bounds)) {
      if (document !== undefined && !test(document)) continue;
      if (document === undefined || this.test(document, context.variables)) yield document;
    }
  }
}

/** Tests for one of the values; regular expressions match texts, and nothing is found where the path leads to nothing. */
function equalTest(
  parts: readonly string[],
  values: readonly Value[],
  at: string,
): (document: Document) => boolean {
  if (values.some(isOperator))
    throw new QueryError("runtime", at, "cannot look for an object whose first name begins with $");
  const keys = new Set(values.map(valueKey));
  // An _id that is null is not found, as on a server.
  if (parts.length === 1 && parts[0] === "_id") keys.delete(null);
  const patterns = values.filter((value) => value instanceof BSONRegExp);
  const matches =
    patterns.length === 0
      ? () => false
      : compileMatchNode(parseMatch({ [parts.join(".")]: { $in: patterns } }));
  const test = (value: Value | undefined) => keys.has(valueKey(value ?? null));
  const exists = (value: Value | undefined) => value !== undefined;
  return (document) =>
    (someAlong(document, parts, 0, test, "items") || matches(document)) &&
    (!keys.has(null) || someAlong(document, parts, 0, exists, "items"));
}

function isOperator(value: Value): boolean {
  return isDocument(value) && Object.keys(value)[0]?.startsWith("$") === true;
}

/** The values that were not asked for before. */
function unasked(values: readonly Value[], asked: Set<ValueKey>): Value[] {
  return values.filter((value) => {
    const key = valueKey(value);
    if (asked.has(key)) return false;
    asked.add(key);
    return true;
  });
}
