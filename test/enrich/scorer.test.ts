/** Scores as they come into an alert's document, from small networks, and why there is none. */
import { describe, expect, test } from "bun:test";
import { Double } from "bson";
import type { ModelSettings } from "../../src/enrich/scores/model.ts";
import { chooseRuntime, type RuntimeChoice } from "../../src/enrich/scores/runtime.ts";
import { type Scorable, Scorer } from "../../src/enrich/scores/scorer.ts";
import type { Document } from "../../src/query/index.ts";
import { model } from "../support/models.ts";
import {
  echo,
  imageNetwork,
  logarithmOfFeatures,
  lookedUp,
  meanOfTriplet,
  sumOfMeans,
} from "../support/onnx.ts";
import { cutouts, flat } from "../support/stamps.ts";

const WEB: RuntimeChoice = { kind: "webassembly", why: "the test asks for it" };
const GOOD = cutouts(flat(63, 63, 5));
/** Of the triplet of such stamps. */
const MEAN = 1 / 63;

const alert = (candidate: Document, given: Partial<Scorable> = {}): Scorable => ({
  survey: "ZTF",
  candid: 7n,
  cutouts: GOOD,
  document: { _id: 7n, candidate, classifications: {} },
  ...given,
});

/** The classifications of an alert and what was counted. */
async function scored(models: readonly ModelSettings[], given: Scorable, runtime = WEB) {
  const scorer = await Scorer.open({ runtime, models });
  try {
    await scorer.score([given]);
    return { classifications: given.document["classifications"], ...scorer.tally.take() };
  } finally {
    await scorer.close();
  }
}

const native = await chooseRuntime([]);
if (native.kind !== "native") process.stderr.write(`skipped: the native ONNX Runtime (${native.why})\n`);
const runtimes = native.kind === "native" ? [native, WEB] : [WEB];

describe.each(runtimes)("%j", (runtime) => {
  test("a network's score and version become classifications", async () => {
    const { classifications, counts } = await scored([model(meanOfTriplet())], alert({}), runtime);
    expect(classifications).toEqual({ m: expect.closeTo(MEAN, 6), m_version: "v1" });
    expect(counts).toEqual({ m: { scored: 1 } });
  });

  test("features and triplet go in by the order of the configuration", async () => {
    const given = model(sumOfMeans(2), {
      inputs: ["features", "triplet"],
      features: ["magpsf", "candidate.fwhm"],
    });
    const { classifications } = await scored([given], alert({ magpsf: 18.5, fwhm: new Double(2) }), runtime);
    expect(classifications).toMatchObject({ m: expect.closeTo(10.25 + MEAN, 5) });
  });

  test("a score that is integral stays a double", async () => {
    const given = model(lookedUp([0.5, 1]), { inputs: ["features"] });
    const { classifications } = await scored([given], alert({ magpsf: 1 }), runtime);
    expect(classifications).toEqual({ m: new Double(1), m_version: "v1" });
  });

  test("one that fails on an alert leaves out that score alone, and is counted", async () => {
    const models = [
      model(lookedUp([0.5]), { name: "short", inputs: ["features"] }),
      model(meanOfTriplet(), { name: "good" }),
    ];
    const { classifications, counts, failures } = await scored(models, alert({ magpsf: 9 }), runtime);
    expect(classifications).toEqual({ good: expect.closeTo(MEAN, 6), good_version: "v1" });
    expect(counts).toEqual({ short: { failed: 1 }, good: { scored: 1 } });
    expect(failures["short"]).toStartWith("models.short failed on alert 7: ");
  });

  test("a score that is no number is left out", async () => {
    const given = model(logarithmOfFeatures(1), { inputs: ["features"] });
    const { classifications, counts } = await scored([given], alert({ magpsf: -3 }), runtime);
    expect(classifications).toEqual({});
    expect(counts).toEqual({ m: { "score not finite": 1 } });
  });

  test.each([
    [
      "is no network",
      model(new TextEncoder().encode("a text")),
      "models.m: file: not a network that can be run",
    ],
    ["is torn", model(meanOfTriplet().subarray(0, 60)), "models.m: file: not a network that can be run"],
    ["is empty", model(new Uint8Array()), "models.m: file: not a network that can be run"],
    [
      "takes another input",
      model(meanOfTriplet(), { inputs: ["features"] }),
      "models.m: inputs: the network takes triplet: float32 n × 63 × 63 × 3 where 1 features are configured",
    ],
    [
      "takes more inputs",
      model(sumOfMeans(1)),
      "models.m: inputs: the network takes 2 (features: float32 n × 1, triplet: float32 n × 63 × 63 × 3), not 1",
    ],
    [
      "pools its pixels and takes another input",
      model(imageNetwork([{ op: "MaxPool", attributes: { kernel_shape: [2, 2], strides: [2, 2] } }]), {
        inputs: ["features", "triplet"],
      }),
      "models.m: inputs: the network takes 1 (triplet: float32 n × 63 × 63 × 3), not 2",
    ],
    [
      "takes another number of features",
      model(sumOfMeans(25), { inputs: ["features", "triplet"] }),
      "models.m: inputs: the network takes features: float32 n × 25 where 1 features are configured",
    ],
    [
      "gives no single score",
      model(echo(2), { inputs: ["features"], features: ["ra", "dec"] }),
      "models.m: file: the network gives 2 numbers, expected one score",
    ],
  ])("a file that %s is told at the start", async (_, given, message) => {
    const opening = Scorer.open({ runtime, models: [given] });
    await expect(opening).rejects.toMatchObject({
      name: "ModelError",
      message: expect.stringContaining(message),
    });
  });
});

describe("without a score", () => {
  const counts = async (models: readonly ModelSettings[], given: Scorable) =>
    (await scored(models, given)).counts;

  test.each([
    ["missing", {}],
    ["null", { magpsf: null }],
    ["a text", { magpsf: "18" }],
    ["NaN", { magpsf: Number.NaN }],
    ["infinite", { magpsf: Number.NEGATIVE_INFINITY }],
  ] as [string, Document][])("a feature that is %s is named", async (_, candidate) => {
    const models = [model(logarithmOfFeatures(1), { inputs: ["features"] })];
    expect(await counts(models, alert(candidate))).toEqual({ m: { "no feature magpsf": 1 } });
  });

  test("drb gives way to rb", async () => {
    const given = model(lookedUp([0.25, 0.75, 0.5]), { inputs: ["features"], features: ["drb"] });
    const score = async (candidate: Document) => (await scored([given], alert(candidate))).classifications;
    expect(await score({ drb: 1, rb: 2 })).toMatchObject({ m: 0.75 });
    expect(await score({ rb: 2 })).toMatchObject({ m: 0.5 });
    expect(await counts([given], alert({}))).toEqual({ m: { "no feature drb": 1 } });
  });

  test("stamps that cannot be used are told for every network that needs them", async () => {
    const models = [
      model(meanOfTriplet(), { name: "a" }),
      model(meanOfTriplet(), { name: "b" }),
      model(lookedUp([0.5]), { name: "c", inputs: ["features"] }),
    ];
    const blank = alert({ magpsf: 0 }, { cutouts: cutouts(flat(63, 63, 1), flat(63, 63, Number.NaN)) });
    const reason = { "template stamp blank": 1 };
    expect(await counts(models, blank)).toEqual({ a: reason, b: reason, c: { scored: 1 } });
    const absent = { "no science stamp": 1 };
    expect(await counts(models, alert({ magpsf: 0 }, { cutouts: [] }))).toMatchObject({
      a: absent,
      b: absent,
    });
  });

  test("a network may have any name", async () => {
    const given = model(meanOfTriplet(), { name: "constructor" });
    const { classifications, counts } = await scored([given], alert({}));
    expect(classifications).toEqual({ constructor: expect.closeTo(MEAN, 6), constructor_version: "v1" });
    expect(Object.entries(counts)).toEqual([["constructor", { scored: 1 }]]);
  });

  test("alerts of other surveys are none of a network's", async () => {
    expect(await counts([model(meanOfTriplet())], alert({}, { survey: "LSST" }))).toEqual({});
  });
});

describe("when", () => {
  const chain = [
    model(lookedUp([0.1, 0.9]), { name: "first", inputs: ["features"] }),
    model(meanOfTriplet(), { name: "second", when: '{"classifications.first": {"$gt": 0.5}}' }),
  ];

  test("only alerts that match are scored, and a condition may name scores before it", async () => {
    const { classifications, counts } = await scored(chain, alert({ magpsf: 0 }));
    expect(classifications).toEqual({ first: expect.closeTo(0.1, 6), first_version: "v1" });
    expect(counts).toEqual({ first: { scored: 1 }, second: { "not selected": 1 } });
    expect((await scored(chain, alert({ magpsf: 1 }))).counts).toMatchObject({ second: { scored: 1 } });
  });

  test.each([
    ['{"$grater": 1}', "models.m: when"],
    ['{"a": {"$gtt": 1}}', "$gtt"],
    ["[1]", "models.m: when"],
  ])("%s is told at the start", async (when, message) => {
    const opening = Scorer.open({ runtime: WEB, models: [model(meanOfTriplet(), { when })] });
    await expect(opening).rejects.toThrow(message);
  });
});
