/** Networks without the margins of stamps that their scores do not depend on: the same scores, to the bit. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { chooseRuntime } from "../../src/enrich/scores/index.ts";
import { withoutMargins } from "../../src/enrich/scores/margins.ts";
import { openRuntime } from "../../src/enrich/scores/runtime.ts";
import { type Extent, Triplet, WHOLE } from "../../src/enrich/scores/triplet.ts";
import { surveyByName } from "../../src/surveys/index.ts";
import { realModelSettings } from "../support/models.ts";
import { imageNetwork, meanOfTriplet, type Node, onnxFile } from "../support/onnx.ts";
import { realRecords } from "../support/packets.ts";
import { randomNumbers } from "../support/random.ts";
import { sharedDir } from "../support/shared.ts";

const pool = (attributes: NonNullable<Node["attributes"]>) => ({ op: "MaxPool", attributes });

/** The score of pixels of which the network takes the first rows and columns. */
async function scoreOf(
  bytes: Uint8Array,
  extent: Extent,
  pixels: Float32Array,
  features = 0,
): Promise<number> {
  const session = await (await openRuntime(await chooseRuntime([]))).load(bytes);
  const { rows, columns } = extent;
  const data = new Float32Array(rows * columns * 3);
  for (let row = 0; row < rows; row++)
    data.set(pixels.subarray(row * 189, row * 189 + columns * 3), row * columns * 3);
  const stamps = { data, shape: [1, rows, columns, 3] };
  const numbers = { data: new Float32Array(features).fill(0.5), shape: [1, features] };
  const [output] = await session.bind(features > 0 ? [numbers, stamps] : [stamps], 1)();
  await session.close();
  return output?.[0] ?? Number.NaN;
}

function randomPixels(seed: number): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length: 63 * 63 * 3 }, () => random() / 50);
}

describe("margins", () => {
  test("are what a pool of pairs leaves over, and all that only it depends on", () => {
    const pairs = pool({ kernel_shape: [2, 2], strides: [2, 2] });
    const valid = { kernel_shape: [3, 3], strides: [1, 1] };
    expect(withoutMargins(imageNetwork([pairs])).extent).toEqual({ rows: 62, columns: 62 });
    expect(withoutMargins(imageNetwork([pool(valid), pairs])).extent).toEqual({ rows: 62, columns: 62 });
    expect(withoutMargins(imageNetwork([pool(valid), pool(valid), pairs])).extent).toEqual({
      rows: 62,
      columns: 62,
    });
    expect(withoutMargins(imageNetwork([{ op: "Relu" }, pairs, { op: "Relu" }, pairs])).extent).toEqual({
      rows: 60,
      columns: 60,
    });
  });

  test("give the same score, whatever the windows", async () => {
    const window = fc
      .record({ kernel: fc.tuple(side(3), side(3)), stride: fc.tuple(side(4), side(4)), dilation: side(2) })
      .map(({ kernel, stride, dilation }) =>
        pool({ kernel_shape: kernel, strides: stride, dilations: [dilation, dilation] }),
      );
    const steps = fc.array(fc.oneof(window, fc.constant({ op: "Relu" })), { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(steps, fc.nat(), async (chosen, seed) => {
      const bytes = imageNetwork(chosen);
      const smaller = withoutMargins(bytes);
      const pixels = randomPixels(seed);
      const score = await scoreOf(bytes, WHOLE, pixels);
      expect(await scoreOf(smaller.bytes, smaller.extent, pixels)).toBe(score);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  const pairs = pool({ kernel_shape: [2, 2], strides: [2, 2] });
  test.each<[string, Uint8Array]>([
    ["a step that pads", imageNetwork([pool({ kernel_shape: [2, 2], strides: [2, 2], pads: [1, 1, 1, 1] })])],
    ["a step that rounds up", imageNetwork([pool({ kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 })])],
    ["another step that reads the stamps", imageNetwork([pairs], [read("triplet")])],
    ["another step that reads what comes between", imageNetwork([{ op: "Relu" }, pairs], [read("0")])],
    ["no step at all", meanOfTriplet()],
    [
      "a step that means are taken in",
      imageNetwork([{ op: "BatchNormalization", attributes: { training_mode: 1 } }, pairs]),
    ],
    [
      "a step that feeds itself",
      onnxFile({
        inputs: [{ name: "triplet", shape: [0, 63, 63, 3] }],
        outputs: [{ name: "score", shape: [0] }],
        nodes: [{ op: "Identity", inputs: ["triplet"], output: "triplet" }],
      }),
    ],
    ["no network", new TextEncoder().encode("no network")],
    ["a torn file", imageNetwork([pairs]).slice(0, 90)],
  ])("nothing is left out before %s", (_, bytes) => {
    const smaller = withoutMargins(bytes);
    expect(smaller.extent).toEqual(WHOLE);
    expect(smaller.bytes).toEqual(bytes);
  });

  test.if(sharedDir() !== undefined)("braai and ACAI look at 60 × 60 pixels, and score alike", async () => {
    const stamps = surveyByName("ZTF")?.stamps;
    if (stamps === undefined) throw new Error("no stamps");
    const triplet = new Triplet();
    const records = realRecords().slice(0, 4);
    for (const { bytes, inputs } of realModelSettings()) {
      const smaller = withoutMargins(bytes);
      expect(smaller.extent).toEqual({ rows: 60, columns: 60 });
      const features = inputs.includes("features") ? 25 : 0;
      for (const { cutouts } of records) {
        expect(triplet.fill(cutouts, stamps, 0)).toBeUndefined();
        const pixels = triplet.part(WHOLE);
        const score = await scoreOf(bytes, WHOLE, pixels, features);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(await scoreOf(smaller.bytes, smaller.extent, pixels, features)).toBe(score);
      }
    }
  });
});

function side(most: number) {
  return fc.integer({ min: 1, max: most });
}

/** A step beside the others that reads a tensor. */
function read(tensor: string): Node {
  return { op: "Identity", inputs: [tensor], output: "beside" };
}
