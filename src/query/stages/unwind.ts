/** `$unwind`: a document for each item of an array. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import type { Flow, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { type Document, getField, type Value } from "../values.ts";
import { readFieldPath, readOptions, readPlainPath } from "./arguments.ts";
import { valueAt, withValueAt } from "./paths.ts";

interface Unwind {
  readonly path: readonly string[];
  readonly index: readonly string[] | undefined;
  /** Whether documents without items are passed on too. */
  readonly preserve: boolean;
}

export const unwind: StageDefinition = {
  name: "$unwind",
  summary: "Yields a document for each item of an array.",
  example: {
    stage: { $unwind: "$a" },
    documents: [{ _id: 1, a: [10, 20] }],
    result: [
      { _id: 1, a: 10 },
      { _id: 1, a: 20 },
    ],
  },
  parse(argument, at) {
    const how = readUnwind(argument, at);
    return {
      at,
      pipelines: [],
      compile: () => ({ kind: "flow", run: (input) => unwound(input, how) }),
    };
  },
};

function readUnwind(argument: Value, at: string): Unwind {
  if (typeof argument === "string") {
    return { path: readFieldPath(argument, at), index: undefined, preserve: false };
  }
  const options = readOptions(argument, at, ["path"], ["includeArrayIndex", "preserveNullAndEmptyArrays"]);
  const preserve = getField(options, "preserveNullAndEmptyArrays") ?? false;
  if (typeof preserve !== "boolean")
    throw new QueryError("invalid", `${at}.preserveNullAndEmptyArrays`, "needs true or false");
  const index = getField(options, "includeArrayIndex");
  return {
    path: readFieldPath(getField(options, "path") ?? null, `${at}.path`),
    index: index === undefined ? undefined : readPlainPath(index, `${at}.includeArrayIndex`),
    preserve,
  };
}

function* unwound(input: Flow, { path, index, preserve }: Unwind): Running {
  const indexed = (document: Document, position: bigint | null) =>
    index === undefined ? document : withValueAt(document, index, position);
  // An index in the place of the array, or inside it, stands where that stood.
  const without = index !== undefined && path.every((part, i) => index[i] === part) ? {} : undefined;
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    const value = valueAt(document, path);
    if (!Array.isArray(value)) {
      if (preserve || (value !== undefined && value !== null)) yield indexed(document, null);
      continue;
    }
    if (value.length === 0 && preserve) yield indexed(withValueAt(document, path, without), null);
    for (const [i, item] of value.entries()) {
      tick();
      yield indexed(withValueAt(document, path, item), BigInt(i));
    }
  }
}
