/**
 * The margins of stamps that no score depends on. Where a network pools pixels by twos or fours, the last row and
 * column of an odd number are left over, and so is all that only they depend on. Braai and ACAI use 60 of 63 rows and
 * columns: without the others they give the same scores, to the bit, in a twelfth less time.
 */
import { type OnnxGraph, type OnnxNode, readOnnx } from "./onnx.ts";
import { CHANNELS, type Extent, SIDE, WHOLE } from "./triplet.ts";

/** How a step makes one row (or column) of several. */
interface Window {
  readonly width: number;
  readonly stride: number;
}

/** What is computed pixel by pixel: no row or column gets lost. */
const PIXELWISE: ReadonlySet<string> = new Set([
  "BatchNormalization",
  "Identity",
  "LeakyRelu",
  "Relu",
  "Sigmoid",
  "Tanh",
]);
const CHANNELS_FIRST = "0,3,1,2";

/**
 * The network made to take only the rows and columns of the triplet that its score depends on, and how many those
 * are. The bytes as they are where that is not certain.
 */
export function withoutMargins(bytes: Uint8Array): { bytes: Uint8Array; extent: Extent } {
  const graph = graphOf(bytes);
  const input = graph?.inputs.find(
    ({ sizes: [, rows, columns, channels], sizes }) =>
      sizes.length === 4 && rows?.value === SIDE && columns?.value === SIDE && channels?.value === CHANNELS,
  );
  const [, rows, columns] = input?.sizes ?? [];
  if (graph === undefined || input === undefined || rows === undefined || columns === undefined) {
    return { bytes, extent: WHOLE };
  }
  const extent = extentOf(graph, input.name);
  const smaller = new Uint8Array(bytes);
  // Sizes up to `SIDE` take one byte each.
  smaller[rows.at] = extent.rows;
  smaller[columns.at] = extent.columns;
  return { bytes: smaller, extent };
}

/** Undefined for what cannot be read: the runtime says what is wrong with it. */
function graphOf(bytes: Uint8Array): OnnxGraph | undefined {
  try {
    return readOnnx(bytes);
  } catch {
    return undefined;
  }
}

function extentOf(graph: OnnxGraph, input: string): Extent {
  if (graph.hasSubgraphs) return WHOLE;
  const windows: (readonly [rows: Window, columns: Window])[] = [];
  let isChannelsFirst = false;
  const seen = new Set<string>();
  // From the stamps on as long as one step alone takes what the one before it gave.
  for (let tensor = input; !graph.outputs.includes(tensor) && !seen.has(tensor); ) {
    seen.add(tensor);
    const [step, ...others] = graph.nodes.filter(({ inputs }) => inputs.includes(tensor));
    if (step === undefined || others.length > 0 || step.inputs.lastIndexOf(tensor) !== 0) break;
    if (step.op === "Transpose" && !isChannelsFirst) {
      if (step.numbers.get("perm")?.join() !== CHANNELS_FIRST) break;
      isChannelsFirst = true;
    } else if (isChannelsFirst && (step.op === "Conv" || step.op === "MaxPool")) {
      const window = windowOf(step);
      if (window === undefined) break;
      windows.push(window);
    } else if (!PIXELWISE.has(step.op) || step.numbers.get("training_mode")?.[0] === 1) break;
    tensor = step.outputs[0] ?? "";
  }
  return {
    rows: needed(windows.map(([rows]) => rows)),
    columns: needed(windows.map(([, columns]) => columns)),
  };
}

/** How many of `SIDE` rows the last of these steps depends on. */
function needed(windows: readonly Window[]): number {
  const left = windows.reduce((size, { width, stride }) => Math.floor((size - width) / stride) + 1, SIDE);
  // A network that nothing comes out of is for the runtime to refuse.
  if (left < 1) return SIDE;
  return windows.reduceRight((size, { width, stride }) => (size - 1) * stride + width, left);
}

/** Undefined for a step that pads, whose windows are not all within the image. */
function windowOf({ outputs, numbers, texts }: OnnxNode): readonly [Window, Window] | undefined {
  const padding = texts.get("auto_pad") ?? "NOTSET";
  const isPadded =
    (numbers.get("pads") ?? []).some((pad) => pad !== 0) || numbers.get("ceil_mode")?.[0] === 1;
  const shape = numbers.get("kernel_shape");
  if (isPadded || !["NOTSET", "VALID"].includes(padding) || shape?.length !== 2 || outputs.length !== 1) {
    return undefined;
  }
  const [rows, columns] = [0, 1].map((axis) => {
    const dilation = numbers.get("dilations")?.[axis] ?? 1;
    return {
      width: ((shape[axis] ?? 1) - 1) * dilation + 1,
      stride: numbers.get("strides")?.[axis] ?? 1,
    };
  });
  return rows === undefined || columns === undefined ? undefined : [rows, columns];
}
