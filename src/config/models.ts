/** The part of the schema that says which networks score alerts. */
import { ConfigError, choice, document, list, object, optional, record, text } from "./kinds.ts";

const word = (doc: string) => text({ default: "", doc, pattern: /./, expected: "a text that is not empty" });

const model = object({
  doc: "One network that scores alerts: a file of ONNX and what goes into it (see [models.md](models.md)). Its score is stored as `classifications.<name>`, its version as `classifications.<name>_version`. Networks run in the order of the configuration.",
  required: ["file", "survey", "version", "inputs"],
  fields: {
    file: word("The network as an ONNX file."),
    survey: word("Survey whose alerts are scored, e.g. ZTF."),
    version: word("Version of the network, stored with its scores, e.g. d6_m9."),
    inputs: list({
      item: choice({ default: "triplet", choices: ["triplet", "features"], doc: "" }),
      doc: "What the network takes, in the order of its inputs: `triplet`, the three image stamps (63 × 63 × 3), `features`, numbers of the alert, or both.",
    }),
    features: list({
      item: word(""),
      doc: "Names of the features in their order: fields of `candidate`, or dotted paths in the alert. Left out: the 25 features of the ACAI networks.",
    }),
    when: optional(
      document({
        doc: "Find filter on the alert: only alerts that it matches are scored. It may name scores of networks before this one.",
      }),
    ),
  },
});

const byName = record({
  item: model,
  doc: "Networks that score alerts, by name, each an object with the keys below.",
});

/** Names become fields of the alert, beside those of the versions. */
const NAME = /^(?!.*_version$)[A-Za-z]\w*$/;

export const models: typeof byName = {
  ...byName,
  read(value, place) {
    const read = byName.read(value, place);
    const wrong = Object.keys(read).find((name) => !NAME.test(name));
    if (wrong === undefined) return read;
    const expected =
      "expected a name of letters, digits and _, beginning with a letter, not ending in _version";
    throw new ConfigError(`${place.path}.${wrong}`, expected, place.origin);
  },
};
