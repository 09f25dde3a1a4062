/** Several networks written as one, which reads what they have in common once. */
import { Reader, Writer } from "protobufjs/minimal.js";
import { GRAPH, LENGTH_DELIMITED, MODEL, NODE, readOnnx, VALUE_INFO } from "./onnx.ts";

export interface JoinedPart {
  /** An ONNX file. */
  readonly bytes: Uint8Array;
  /** What the network reads, in the order of its inputs: where two have the same name they are one input. */
  readonly inputs: readonly string[];
}

/** Field numbers, as in `onnx.ts`. */
const HEADER = { version: 1, operators: 8, training: 20, functions: 25 };
const MORE = {
  name: 2,
  initializer: 5,
  doc: 10,
  valueInfo: 13,
  quantization: 14,
  sparseInitializer: 15,
  metadata: 16,
};
const NODE_NAME = 3;
const TENSOR_NAME = 8;

/**
 * The file of one network whose outputs are the first output of each part, in their order, and whose inputs are those
 * of the parts, each name once, in the order in which they first come. Undefined where the parts cannot be joined as
 * they are: written for different versions, or with what only a network by itself may have.
 */
export function joinNetworks(parts: readonly JoinedPart[]): Uint8Array | undefined {
  const [first] = parts;
  if (first === undefined || new Set(parts.map(({ bytes }) => versionsOf(bytes))).size !== 1)
    return undefined;
  const given = new Set<string>();
  const graphs: Uint8Array[] = [];
  for (const [index, part] of parts.entries()) {
    const graph = renamedGraph(part, index, given);
    if (graph === undefined) return undefined;
    graphs.push(graph);
  }
  return rewritten(first.bytes, (field) => (field === MODEL.graph ? [Buffer.concat(graphs)] : undefined));
}

/** What two networks must have in common to be one, as text; unique for what cannot be joined at all. */
function versionsOf(bytes: Uint8Array): string {
  const found: string[] = [];
  const reader = new Reader(bytes);
  while (reader.pos < bytes.length) {
    const start = reader.pos;
    const tag = reader.uint32();
    reader.skipType(tag & 7);
    const field = tag >>> 3;
    if (field === HEADER.training || field === HEADER.functions) return crypto.randomUUID();
    if (field === HEADER.version || field === HEADER.operators) {
      found.push(Buffer.from(bytes.subarray(start, reader.pos)).toString("hex"));
    }
  }
  return found.sort().join();
}

/** A part's graph with names that no other part has, but for its inputs; `given` are those that others brought. */
function renamedGraph(
  { bytes, inputs }: JoinedPart,
  index: number,
  given: Set<string>,
): Uint8Array | undefined {
  const graph = readOnnx(bytes);
  if (graph === undefined || graph.hasSubgraphs || graph.inputs.length !== inputs.length) return undefined;
  const shared = new Map(graph.inputs.map(({ name }, n) => [name, inputs[n] ?? ""]));
  // An empty name stands for what an operator may be without.
  const rename = (name: string) => (name === "" ? "" : (shared.get(name) ?? `${index}/${name}`));
  let isPlain = true;
  let outputs = 0;
  const content = contentOf(bytes, MODEL.graph);
  const renamed = rewritten(content, (field, piece) => {
    switch (field) {
      case GRAPH.node:
        return [withNames(piece, [NODE.input, NODE.output, NODE_NAME], rename)];
      case MORE.initializer: {
        // An input that has a value of its own may be left out, which an input of several networks may not.
        isPlain &&= !shared.has(textOf(contentOf(piece, TENSOR_NAME)));
        return [withNames(piece, [TENSOR_NAME], rename)];
      }
      case GRAPH.input: {
        const name = rename(textOf(contentOf(piece, VALUE_INFO.name)));
        if (given.has(name)) return [];
        given.add(name);
        return [withNames(piece, [VALUE_INFO.name], rename)];
      }
      case GRAPH.output:
        isPlain &&= !shared.has(textOf(contentOf(piece, VALUE_INFO.name)));
        return outputs++ === 0 ? [withNames(piece, [VALUE_INFO.name], rename)] : [];
      case MORE.quantization:
      case MORE.sparseInitializer:
        isPlain = false;
        return [];
      case MORE.name:
        return index === 0 ? undefined : [];
      // Sizes between the steps are found again; the rest is for readers of the file.
      case MORE.valueInfo:
      case MORE.doc:
      case MORE.metadata:
        return [];
      default:
        return undefined;
    }
  });
  return isPlain && outputs > 0 ? renamed : undefined;
}

function withNames(
  message: Uint8Array,
  fields: readonly number[],
  rename: (name: string) => string,
): Uint8Array {
  return rewritten(message, (field, content) =>
    fields.includes(field) ? [new TextEncoder().encode(rename(textOf(content)))] : undefined,
  );
}

/** Copies a message; `replace` gives what stands for a message or text in it, nothing to leave it as it is. */
function rewritten(
  message: Uint8Array,
  replace: (field: number, content: Uint8Array) => readonly Uint8Array[] | undefined,
): Uint8Array {
  const pieces: Uint8Array[] = [];
  const reader = new Reader(message);
  while (reader.pos < message.length) {
    const start = reader.pos;
    const tag = reader.uint32();
    const replaced = (tag & 7) === LENGTH_DELIMITED ? replace(tag >>> 3, reader.bytes()) : undefined;
    if (replaced === undefined) {
      if ((tag & 7) !== LENGTH_DELIMITED) reader.skipType(tag & 7);
      pieces.push(message.subarray(start, reader.pos));
    } else for (const content of replaced) pieces.push(Writer.create().uint32(tag).bytes(content).finish());
  }
  return Buffer.concat(pieces);
}

/** The content of the first field of this number; empty where there is none. */
function contentOf(message: Uint8Array, wanted: number): Uint8Array {
  const reader = new Reader(message);
  while (reader.pos < message.length) {
    const tag = reader.uint32();
    if (tag >>> 3 === wanted && (tag & 7) === LENGTH_DELIMITED) return reader.bytes();
    reader.skipType(tag & 7);
  }
  return new Uint8Array();
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
