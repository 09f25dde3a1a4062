/** `$redact`: keeps or drops documents and the documents in them, level by level. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import type { Evaluate } from "../pipeline/expression.ts";
import type { Variables } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { type Document, isDocument, setField, type Value } from "../values.ts";

/** What the three variables of this stage stand for. */
const DECISIONS: Variables = new Map([
  ["DESCEND", "descend"],
  ["PRUNE", "prune"],
  ["KEEP", "keep"],
]);
/** The document of the level that is looked at; no user can name it. */
const LEVEL = "level of redact";

export const redact: StageDefinition = {
  name: "$redact",
  summary:
    "Decides for a document, and for each document in it, whether it stays: $$KEEP, $$PRUNE or $$DESCEND.",
  example: {
    stage: { $redact: { $cond: [{ $eq: ["$programid", 3] }, "$$PRUNE", "$$DESCEND"] } },
    documents: [{ _id: 1, rows: [{ programid: 1 }, { programid: 3 }] }],
    result: [{ _id: 1, rows: [{ programid: 1 }] }],
  },
  parse(argument, at, reader) {
    // Paths are those of the level, while $$ROOT stays the whole document.
    const atLevel = { $let: { vars: { CURRENT: `$$${LEVEL}` }, in: argument } };
    reader.expression(argument, at, DECISIONS.keys());
    const expression = reader.expression(atLevel, at, [...DECISIONS.keys(), LEVEL]);
    return {
      at,
      pipelines: [],
      compile() {
        const evaluate = expression.compile();
        return {
          kind: "map",
          apply: (document, { variables }) =>
            new Redaction(evaluate, document, variables, at).document(document),
        };
      },
    };
  },
};

class Redaction {
  readonly #variables: Map<string, Value | undefined>;

  constructor(
    readonly evaluate: Evaluate,
    readonly root: Document,
    variables: Variables,
    readonly at: string,
  ) {
    this.#variables = new Map([...variables, ...DECISIONS]);
  }

  document(level: Document): Document | undefined {
    tick();
    this.#variables.set(LEVEL, level);
    const decision = this.evaluate(this.root, this.#variables);
    if (decision === "keep") return level;
    if (decision === "prune") return undefined;
    if (decision !== "descend")
      throw new QueryError("runtime", this.at, "must decide for $$KEEP, $$PRUNE or $$DESCEND");
    const output: Document = {};
    for (const name of Object.keys(level)) {
      const value = this.#value(level[name]);
      if (value !== undefined) setField(output, name, value);
    }
    return output;
  }

  #value(value: Value | undefined): Value | undefined {
    if (Array.isArray(value))
      return value.map((item) => this.#value(item)).filter((item) => item !== undefined);
    return isDocument(value) ? this.document(value) : value;
  }
}
