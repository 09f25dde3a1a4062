/** Scores of the real packets by the real networks, against those that Python computed. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { chooseRuntime, type RuntimeChoice, Scorer } from "../../src/enrich/scores/index.ts";
import { isDocument, toNumber } from "../../src/query/index.ts";
import { realModelSettings } from "../support/models.ts";
import { realRecords } from "../support/packets.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

const hasModels = sharedDir() !== undefined;
if (!hasModels) process.stderr.write("skipped: scores of real packets (no ../shared beside this checkout)\n");

const TOLERANCE = 1e-4;
const native = await chooseRuntime([]);
const web: RuntimeChoice = { kind: "webassembly", why: "the test asks for it" };
const runtimes = native.kind === "native" ? [native, web] : [web];

describe.if(hasModels).each(runtimes.map((runtime) => [runtime.kind, runtime] as const))(
  "%s",
  (_, runtime) => {
    test("24 packets have the reference's scores by all six networks, within 1e-4", async () => {
      const reference = JSON.parse(readFileSync(sharedPath("reference", "scores.json"), "utf8")) as Record<
        string,
        Record<string, number>
      >;
      const models = realModelSettings();
      const scorer = await Scorer.open({ runtime, models });
      const records = realRecords();
      const wrong: string[] = [];
      await scorer.score(records);
      for (const record of records) {
        const { classifications } = record.document;
        const scores = isDocument(classifications) ? classifications : {};
        for (const { name, version } of models) {
          const expected = reference[String(record.candid)]?.[name] ?? Number.NaN;
          const score = toNumber(scores[name]) ?? Number.NaN;
          if (!(Math.abs(score - expected) < TOLERANCE) || scores[`${name}_version`] !== version) {
            wrong.push(`${record.candid} ${name}: ${score}, expected ${expected}`);
          }
        }
      }
      await scorer.close();
      expect(wrong).toEqual([]);
      expect(records).toHaveLength(24);
      expect(Object.keys(reference)).toHaveLength(24);
    });
  },
);
