/** Networks that run as one, on several alerts at once, against each by itself on one alert after the other. */
import { afterAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ModelSettings } from "../../src/enrich/scores/index.ts";
import { chooseRuntime, type Scorable, Scorer } from "../../src/enrich/scores/index.ts";
import { joinNetworks } from "../../src/enrich/scores/onnx-join.ts";
import { openRuntime } from "../../src/enrich/scores/runtime.ts";
import type { Document } from "../../src/query/index.ts";
import { model, realModelSettings } from "../support/models.ts";
import {
  imageNetwork,
  logarithmOfFeatures,
  lookedUp,
  meanOfTriplet,
  onnxFile,
  sumOfMeans,
} from "../support/onnx.ts";
import { realRecords } from "../support/packets.ts";
import { sharedDir } from "../support/shared.ts";
import { cutouts, flat } from "../support/stamps.ts";

const runtime = await chooseRuntime([]);

const named = (name: string, bytes: Uint8Array, given: Partial<ModelSettings> = {}): ModelSettings =>
  model(bytes, { name, ...given });

const POOL = { op: "MaxPool", attributes: { kernel_shape: [2, 2], strides: [2, 2] } } as const;
/** Networks of all kinds, which take the greatest of all pixels, or a mean, whose rounding may depend on the slot. */
const networks = (op: "ReduceMax" | "ReduceMean"): readonly ModelSettings[] => [
  named("all", meanOfTriplet(op)),
  named("pool", imageNetwork([POOL], [], op)),
  named("both", sumOfMeans(2, op), { inputs: ["features", "triplet"], features: ["magpsf", "fwhm"] }),
  named("list", lookedUp([0.5, 0.25]), { inputs: ["features"] }),
  named("log", logarithmOfFeatures(1), { inputs: ["features"] }),
  named("deep", imageNetwork([{ op: "Relu" }, POOL, POOL], [], op)),
];
const MODELS = networks("ReduceMax");

const STAMPS = [
  cutouts(flat(63, 63, 5)),
  cutouts(flat(63, 63, 2), flat(50, 50, 1)),
  [],
  cutouts(flat(64, 63, 1)),
];

interface Given {
  readonly survey: string;
  readonly stamps: number;
  /** Where `list` finds nothing from 2 on, and `log` from −1 down; undefined where the alert has none. */
  readonly magpsf: number | undefined;
}

function alertOf({ survey, stamps, magpsf }: Given, index: number): Scorable {
  const candidate: Document = { fwhm: 2.5, ...(magpsf === undefined ? {} : { magpsf }) };
  const document = { candidate, classifications: {} };
  return { survey, candid: BigInt(index), document, cutouts: STAMPS[stamps] ?? [] };
}

const given = fc.record({
  survey: fc.constantFrom("ZTF", "ZTF", "ZTF", "ZTF", "LSST"),
  stamps: fc.constantFrom(0, 0, 0, 1, 2, 3),
  magpsf: fc.constantFrom(0, 1, 0.5, 3, -1, undefined),
});

/** What a scorer makes of alerts: their classifications, and what was counted. */
async function scoresBy(scorer: Scorer, alerts: readonly Given[]) {
  const scorable = alerts.map(alertOf);
  await scorer.score(scorable);
  const { counts, failures } = scorer.tally.take();
  return { classifications: scorable.map(({ document }) => document["classifications"]), counts, failures };
}

describe("networks together", async () => {
  const all = await Scorer.open({ runtime, models: MODELS });
  const each = await Promise.all(MODELS.map((one) => Scorer.open({ runtime, models: [one] })));
  afterAll(async () => {
    for (const scorer of [all, ...each]) await scorer.close();
  });

  test("score every alert as each by itself, in their order, and count the same", async () => {
    expect(all.steps.map(({ joined }) => joined !== undefined)).toEqual([true]);
    const property = fc.asyncProperty(fc.array(given, { maxLength: 11 }), async (alerts) => {
      const together = await scoresBy(all, alerts);
      const apart = await Promise.all(each.map((scorer) => scoresBy(scorer, alerts)));
      const expected = alerts.map((_, index) =>
        Object.assign({}, ...apart.map(({ classifications }) => classifications[index])),
      );
      expect(together.classifications.map((scores) => Object.keys(scores as object))).toEqual(
        expected.map((scores) => Object.keys(scores)),
      );
      expect(together.classifications).toEqual(expected);
      expect({ ...together.counts }).toEqual(Object.assign({}, ...apart.map(({ counts }) => counts)));
      // Which of the alerts is named depends on their order through the networks.
      expect(Object.keys(together.failures)).toEqual(apart.flatMap(({ failures }) => Object.keys(failures)));
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test.each(["ReduceMax", "ReduceMean"] as const)(
    "%s gives an alert the same score whatever stands beside it",
    async (op) => {
      const scorer = await Scorer.open({ runtime, models: networks(op) });
      const property = fc.asyncProperty(fc.array(given, { maxLength: 9 }), async (alerts) => {
        const { classifications } = await scoresBy(scorer, alerts);
        const alone = [];
        for (const alert of alerts) alone.push(...(await scoresBy(scorer, [alert])).classifications);
        expect(classifications).toEqual(alone);
      });
      await fc.assert(property, { numRuns: 60 });
      await scorer.close();
    },
  );

  test("are those that the same alerts go to, and whose conditions ask for no score", async () => {
    const when = { when: '{"candidate.magpsf":{"$gt":0.4}}' };
    const asks = { when: '{"classifications.a":{"$gt":5}}' };
    const models = [
      named("a", lookedUp([9, 1]), { inputs: ["features"], ...when }),
      named("b", meanOfTriplet("ReduceMax"), when),
      named("c", meanOfTriplet("ReduceMax"), asks),
      named("d", imageNetwork([POOL], [], "ReduceMax"), asks),
    ];
    const scorer = await Scorer.open({ runtime, models });
    expect(scorer.steps.map((group) => group.models.map(({ settings }) => settings.name))).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
    expect(scorer.steps.map(({ joined }) => joined !== undefined)).toEqual([true, false]);
    const magpsf = [0.5, 0, 1, 0.5, 0.5, 1];
    const { classifications } = await scoresBy(
      scorer,
      magpsf.map((value) => ({ survey: "ZTF", stamps: 0, magpsf: value })),
    );
    expect(
      classifications.map((scores) => Object.keys(scores as object).filter((name) => name.length === 1)),
    ).toEqual(magpsf.map((value) => (value === 0 ? [] : value === 1 ? ["a", "b"] : ["a", "b", "c", "d"])));
    await scorer.close();
  });

  test("run by themselves where one takes no more than one alert", async () => {
    const single = onnxFile({
      inputs: [{ name: "features", shape: [1, 1] }],
      outputs: [{ name: "score", shape: [1, 1] }],
      nodes: [{ op: "Identity", inputs: ["features"], output: "score" }],
    });
    const models = [named("one", single, { inputs: ["features"] }), named("all", meanOfTriplet("ReduceMax"))];
    const scorer = await Scorer.open({ runtime, models });
    expect(scorer.steps.map(({ joined }) => joined)).toEqual([undefined]);
    const alerts = [1, 2, 3, 4, 5].map((magpsf) => ({ survey: "ZTF", stamps: 0, magpsf }));
    const { classifications } = await scoresBy(scorer, alerts);
    expect(classifications.map((scores) => Number((scores as Document)["one"]))).toEqual([1, 2, 3, 4, 5]);
    await scorer.close();
  });
});

describe("one file of several networks", () => {
  const part = (bytes: Uint8Array, ...inputs: string[]) => ({ bytes, inputs });

  test("has each input once, and the first output of each", async () => {
    const bytes = joinNetworks([
      part(sumOfMeans(2), "numbers", "stamps"),
      part(meanOfTriplet(), "stamps"),
      part(lookedUp([0.5]), "others"),
    ]);
    const session = await (await openRuntime(runtime)).load(bytes ?? new Uint8Array());
    expect(session.inputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["numbers", [undefined, 2]],
      ["stamps", [undefined, 63, 63, 3]],
      ["others", [undefined, 1]],
    ]);
    expect(session.outputs).toHaveLength(3);
    await session.close();
  });

  const feature = { name: "features", shape: [0, 1] };
  const identity = { op: "Identity", inputs: ["features"], output: "score" };
  test.each<[string, Uint8Array]>([
    ["another version", replaced(meanOfTriplet(), [0x10, 13], [0x10, 14])],
    [
      "an input that has a value of its own",
      onnxFile({
        inputs: [feature],
        outputs: [{ name: "score", shape: [0, 1] }],
        nodes: [identity],
        constants: { features: [1] },
      }),
    ],
    ["an input for an output", onnxFile({ inputs: [feature], outputs: [feature], nodes: [] })],
    ["no output", onnxFile({ inputs: [feature], outputs: [], nodes: [identity] })],
    ["more inputs than are told", sumOfMeans(1)],
  ])("is not made of a network with %s", (_, bytes) => {
    expect(joinNetworks([part(lookedUp([0.5]), "numbers"), part(bytes, "numbers")])).toBeUndefined();
  });

  test.if(sharedDir() !== undefined)("of braai and ACAI gives the scores of each, to the bit", async () => {
    const models = realModelSettings();
    const together = await Scorer.open({ runtime, models });
    expect(together.steps.map(({ joined }) => joined !== undefined)).toEqual([true]);
    const records = realRecords();
    await together.score(records);
    await together.close();
    const alone = realRecords();
    for (const one of models) {
      const scorer = await Scorer.open({ runtime, models: [one] });
      await scorer.score(alone);
      await scorer.close();
    }
    expect(records.map(({ document }) => document["classifications"])).toEqual(
      alone.map(({ document }) => document["classifications"]),
    );
  });
});

/** A file with some bytes in the place of others, where these come last. */
function replaced(file: Uint8Array, bytes: readonly number[], by: readonly number[]): Uint8Array {
  const copy = Buffer.from(file);
  copy.set(by, copy.lastIndexOf(Buffer.from(bytes)));
  return copy;
}
