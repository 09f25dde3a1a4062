/** Small networks as ONNX files, written field by field as the format's protocol buffers, for tests. */

/** A field of a message: its number, and a whole number, text or bytes. */
type Field = readonly [number: number, value: number | string | Uint8Array];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 128);
  } while (rest > 0n);
  return bytes;
}

function message(...fields: readonly Field[]): Uint8Array {
  const bytes: number[] = [];
  for (const [number, value] of fields) {
    if (typeof value === "number") {
      bytes.push(...varint(number << 3), ...varint(value));
      continue;
    }
    const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
    bytes.push(...varint((number << 3) | 2), ...varint(content.length), ...content);
  }
  return new Uint8Array(bytes);
}

const FLOAT = 1;
const INT64 = 7;

/** An input or output of 32-bit floats; a size of 0 is any. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface Graph {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly nodes: readonly Node[];
  /** Vectors of 32-bit floats by name. */
  readonly constants?: Readonly<Record<string, readonly number[]>>;
}

function valueInfo({ name, shape }: Tensor): Uint8Array {
  const sizes = shape.map((size): Field => [1, size === 0 ? message([2, "n"]) : message([1, size])]);
  const tensor = message([1, FLOAT], [2, message(...sizes)]);
  return message([1, name], [2, message([1, tensor])]);
}

function attribute(name: string, value: number | readonly number[]): Uint8Array {
  return typeof value === "number"
    ? message([1, name], [3, value], [20, 2])
    : message([1, name], ...value.map((each): Field => [8, each]), [20, 7]);
}

function node({ op, inputs, output, attributes = {} }: Node): Uint8Array {
  return message(
    ...inputs.map((input): Field => [1, input]),
    [2, output],
    [4, op],
    ...Object.entries(attributes).map(([name, value]): Field => [5, attribute(name, value)]),
  );
}

function constant(name: string, values: readonly number[]): Uint8Array {
  const data = new Uint8Array(new Float32Array(values).buffer);
  return message([1, values.length], [2, FLOAT], [8, name], [9, data]);
}

/** The file of a network. */
export function onnxFile({ inputs, outputs, nodes, constants = {} }: Graph): Uint8Array {
  const graph = message(
    ...nodes.map((each): Field => [1, node(each)]),
    [2, "test"],
    ...Object.entries(constants).map(([name, values]): Field => [5, constant(name, values)]),
    ...inputs.map((each): Field => [11, valueInfo(each)]),
    ...outputs.map((each): Field => [12, valueInfo(each)]),
  );
  return message([1, 8], [7, graph], [8, message([1, ""], [2, 13])]);
}

const TRIPLET = { name: "triplet", shape: [0, 63, 63, 3] } as const;
const features = (count: number) => ({ name: "features", shape: [0, count] });
const SCORE = { name: "score", shape: [0, 1] };

/** How many numbers become one; sums round, and how depends on their order. */
type Reduction = "ReduceMean" | "ReduceMax";

/** A network whose score is the mean (or the like) of all pixels: 0.01 becomes 0.01. */
export function meanOfTriplet(op: Reduction = "ReduceMean"): Uint8Array {
  return onnxFile({
    inputs: [TRIPLET],
    outputs: [{ name: "score", shape: [0] }],
    nodes: [
      {
        op,
        inputs: ["triplet"],
        output: "score",
        attributes: { axes: [1, 2, 3], keepdims: 0 },
      },
    ],
  });
}

/**
 * A network that puts the channels first, takes these steps one after the other (their tensors are named "0", "1", …),
 * and answers the mean; `more` are nodes beside them.
 */
export function imageNetwork(
  steps: readonly Omit<Node, "inputs" | "output">[],
  more: readonly Node[] = [],
  op: Reduction = "ReduceMean",
): Uint8Array {
  const first: Node = {
    op: "Transpose",
    inputs: ["triplet"],
    output: "0",
    attributes: { perm: [0, 3, 1, 2] },
  };
  const nodes = steps.map((step, n): Node => ({ ...step, inputs: [String(n)], output: String(n + 1) }));
  const mean = { axes: [1, 2, 3], keepdims: 0 };
  const last: Node = { op, inputs: [String(steps.length)], output: "score", attributes: mean };
  return onnxFile({
    inputs: [TRIPLET],
    outputs: [{ name: "score", shape: [0] }],
    nodes: [first, ...nodes, last, ...more],
  });
}

/** A network whose score is the logarithm of the mean of its features: NaN where that is negative. */
export function logarithmOfFeatures(count: number): Uint8Array {
  return onnxFile({
    inputs: [features(count)],
    outputs: [SCORE],
    nodes: [
      { op: "ReduceMean", inputs: ["features"], output: "mean", attributes: { axes: [1], keepdims: 1 } },
      { op: "Log", inputs: ["mean"], output: "score" },
    ],
  });
}

/** A network that looks its only feature up in a list, and fails where the list is too short. */
export function lookedUp(list: readonly number[]): Uint8Array {
  return onnxFile({
    inputs: [features(1)],
    outputs: [SCORE],
    constants: { list },
    nodes: [
      { op: "Cast", inputs: ["features"], output: "position", attributes: { to: INT64 } },
      { op: "Gather", inputs: ["list", "position"], output: "score" },
    ],
  });
}

/** A network that adds the mean (or the like) of its features and of the triplet. */
export function sumOfMeans(count: number, op: Reduction = "ReduceMean"): Uint8Array {
  return onnxFile({
    inputs: [features(count), TRIPLET],
    outputs: [{ name: "score", shape: [0] }],
    nodes: [
      { op, inputs: ["features"], output: "a", attributes: { axes: [1], keepdims: 0 } },
      { op, inputs: ["triplet"], output: "b", attributes: { axes: [1, 2, 3], keepdims: 0 } },
      { op: "Add", inputs: ["a", "b"], output: "score" },
    ],
  });
}

/** A network that gives its features back: no score. */
export function echo(count: number): Uint8Array {
  return onnxFile({
    inputs: [features(count)],
    outputs: [{ name: "score", shape: [0, count] }],
    nodes: [{ op: "Identity", inputs: ["features"], output: "score" }],
  });
}
