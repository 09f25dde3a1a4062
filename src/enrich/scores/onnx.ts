/** The parts of an ONNX file that tell how sizes of images go through a network. */
import { Reader } from "protobufjs/minimal.js";

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Attributes that are whole numbers or lists of them. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
  /** Attributes that are texts. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface OnnxSize {
  /** 0 for any. */
  readonly value: number;
  /** Where the value stands in the file. */
  readonly at: number;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly { readonly name: string; readonly sizes: readonly OnnxSize[] }[];
  readonly outputs: readonly string[];
  /** Whether nodes hold graphs of their own, which may read any tensor of this one. */
  readonly hasSubgraphs: boolean;
}

/** Field numbers of the messages: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export const MODEL = { graph: 7 };
export const GRAPH = { node: 1, input: 11, output: 12 };
export const NODE = { input: 1, output: 2, op: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, i: 3, s: 4, g: 6, ints: 8, graphs: 11 };
export const VALUE_INFO = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR = { shape: 2 };
const SHAPE = { dim: 1 };
const DIM = { value: 1 };
/** Wire type of messages, texts and packed numbers. */
export const LENGTH_DELIMITED = 2;

/** Reads a file. Throws what is wrong with it; undefined when it has no graph. */
export function readOnnx(bytes: Uint8Array): OnnxGraph | undefined {
  let graph: OnnxGraph | undefined;
  each(new Reader(bytes), bytes.length, (reader, field, end) => {
    if (field === MODEL.graph) graph = readGraph(reader, end());
  });
  return graph;
}

/** Called for each field of a message: reads it, after `end` where it is a message itself, or leaves it. */
type Visit = (reader: Reader, field: number, end: () => number, wireType: number) => void;

function each(reader: Reader, until: number, visit: Visit): void {
  while (reader.pos < until) {
    const tag = reader.uint32();
    const start = reader.pos;
    // The reader's place tells whether the visitor has read the field.
    visit(reader, tag >>> 3, () => reader.uint32() + reader.pos, tag & 7);
    if (reader.pos === start) reader.skipType(tag & 7);
  }
}

function readGraph(reader: Reader, until: number): OnnxGraph {
  const nodes: OnnxNode[] = [];
  const inputs: { name: string; sizes: OnnxSize[] }[] = [];
  const outputs: string[] = [];
  let hasSubgraphs = false;
  each(reader, until, (_, field, end) => {
    if (field === GRAPH.node) {
      const { node, hasGraphs } = readNode(reader, end());
      nodes.push(node);
      hasSubgraphs ||= hasGraphs;
    } else if (field === GRAPH.input) inputs.push(readValueInfo(reader, end()));
    else if (field === GRAPH.output) outputs.push(readValueInfo(reader, end()).name);
  });
  return { nodes, inputs, outputs, hasSubgraphs };
}

function readNode(reader: Reader, until: number): { node: OnnxNode; hasGraphs: boolean } {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const numbers = new Map<string, readonly number[]>();
  const texts = new Map<string, string>();
  let op = "";
  let hasGraphs = false;
  each(reader, until, (_, field, end) => {
    if (field === NODE.input) inputs.push(reader.string());
    else if (field === NODE.output) outputs.push(reader.string());
    else if (field === NODE.op) op = reader.string();
    else if (field === NODE.attribute) {
      const attribute = readAttribute(reader, end());
      hasGraphs ||= attribute.hasGraph;
      if (attribute.values.length > 0) numbers.set(attribute.name, attribute.values);
      if (attribute.text !== undefined) texts.set(attribute.name, attribute.text);
    }
  });
  return { node: { op, inputs, outputs, numbers, texts }, hasGraphs };
}

function readAttribute(reader: Reader, until: number) {
  const values: number[] = [];
  let name = "";
  let text: string | undefined;
  let hasGraph = false;
  each(reader, until, (_, field, end, wireType) => {
    if (field === ATTRIBUTE.name) name = reader.string();
    else if (field === ATTRIBUTE.s) text = reader.string();
    else if (field === ATTRIBUTE.g || field === ATTRIBUTE.graphs) hasGraph = true;
    else if (field === ATTRIBUTE.ints && wireType === LENGTH_DELIMITED) {
      for (const last = end(); reader.pos < last; ) values.push(reader.int32());
    } else if (field === ATTRIBUTE.i || field === ATTRIBUTE.ints) values.push(reader.int32());
  });
  return { name, values, text, hasGraph };
}

function readValueInfo(reader: Reader, until: number): { name: string; sizes: OnnxSize[] } {
  const sizes: OnnxSize[] = [];
  let name = "";
  each(reader, until, (_, field, end) => {
    if (field === VALUE_INFO.name) name = reader.string();
    else if (field === VALUE_INFO.type) {
      within(reader, end(), [TYPE.tensor, TENSOR.shape, SHAPE.dim], (last) =>
        sizes.push(readSize(reader, last)),
      );
    }
  });
  return { name, sizes };
}

/** Calls `visit` for each message that is reached by these fields, one within the other. */
function within(
  reader: Reader,
  until: number,
  [first, ...rest]: readonly number[],
  visit: (until: number) => void,
): void {
  each(reader, until, (_, field, end) => {
    if (field !== first) return;
    if (rest.length === 0) visit(end());
    else within(reader, end(), rest, visit);
  });
}

function readSize(reader: Reader, until: number): OnnxSize {
  let size = { value: 0, at: reader.pos };
  each(reader, until, (_, field) => {
    if (field === DIM.value) size = { at: reader.pos, value: reader.int32() };
  });
  return size;
}
