/** Random expressions of the aggregation language, mostly of the types that their operators take. */
import { type Document, double, isDocument, type Value } from "../../../src/query/index.ts";
import { STRINGS } from "../values.ts";
import { anyNumber, anyPath, anyScalar, anyValue } from "./documents.ts";
import { knownOperators, OPERATORS, type OperatorMaker } from "./operators.ts";
import type { Random } from "./random.ts";

/** What an expression is to yield, as far as can be told beforehand. */
export type Kind = "number" | "integer" | "string" | "boolean" | "array" | "object" | "date" | "any";

const KINDS: readonly Kind[] = ["number", "integer", "string", "boolean", "array", "object", "date", "any"];

/** How often a random expression ignores which type is wanted. */
const WRONG_TYPE = 0.05;

/** An expression over these documents, nested at most `depth` deep. */
export function anyExpression(random: Random, documents: readonly Document[], depth: number): Value {
  return new ExpressionMaker(random, documents).make(random.pick(KINDS), depth);
}

/** Makes expressions; knows the documents' paths by type and which variables are bound. */
export class ExpressionMaker {
  readonly #paths = new Map<Kind, string[]>();
  readonly #variables: { name: string; kind: Kind }[] = [];

  constructor(
    readonly random: Random,
    readonly documents: readonly Document[],
  ) {
    for (const document of documents) this.#collect(document, "", false, 3);
  }

  /** Notes which types stand at which paths, as expressions see them: arrays on the way yield arrays. */
  #collect(document: Document, prefix: string, inArray: boolean, depth: number) {
    for (const [name, value] of Object.entries(document)) {
      if (value === undefined || name === "" || name.includes(".") || name.startsWith("$")) continue;
      const path = prefix + name;
      this.#note(inArray ? "array" : kindOf(value), path);
      if (depth === 0) continue;
      if (isDocument(value)) this.#collect(value, `${path}.`, inArray, depth - 1);
      if (!Array.isArray(value)) continue;
      for (const item of value) if (isDocument(item)) this.#collect(item, `${path}.`, true, depth - 1);
    }
  }

  #note(kind: Kind, path: string) {
    const paths = this.#paths.get(kind) ?? [];
    paths.push(path);
    this.#paths.set(kind, paths);
    if (kind === "number") this.#note("integer", path);
  }

  /** An expression of a kind. */
  make(kind: Kind, depth: number): Value {
    const { random } = this;
    if (random.chance(WRONG_TYPE)) return this.make(random.pick(KINDS), depth);
    if (depth <= 0 || random.chance(0.2)) return this.#leaf(kind);
    const operators = operatorsOf(kind);
    if (kind === "object" && random.chance(0.4)) {
      return { x: this.make("any", depth - 1), y: this.make("any", depth - 1) };
    }
    if (kind === "array" && random.chance(0.2)) return random.list(0, 3, () => this.make("any", depth - 1));
    const operator = random.pick(operators);
    return { [operator.name]: operator.make(this, depth - 1) };
  }

  /** An expression in which a variable is bound. */
  within(variables: readonly (readonly [name: string, kind: Kind])[], make: () => Value): Value {
    this.#variables.push(...variables.map(([name, kind]) => ({ name, kind })));
    const made = make();
    this.#variables.length -= variables.length;
    return made;
  }

  list(low: number, high: number, kind: Kind, depth: number): Value[] {
    return this.random.list(low, high, () => this.make(kind, depth));
  }

  #leaf(kind: Kind): Value {
    const { random } = this;
    return random.weighted<Value>([
      [6, () => this.#field(kind)],
      [this.#variables.length > 0 ? 5 : 0, () => this.#variable(kind)],
      [3, () => literal(random, kind)],
      [0.3, () => random.pick(["$$ROOT", "$$CURRENT", "$$REMOVE", "$missing"])],
    ]);
  }

  #field(kind: Kind): Value {
    const { random } = this;
    const paths = this.#paths.get(kind) ?? [];
    if (paths.length > 0 && !random.chance(0.1)) return `$${random.pick(paths)}`;
    const path = anyPath(random, this.documents);
    return path.split(".").some((part) => part === "" || part.startsWith("$")) ? "$a" : `$${path}`;
  }

  #variable(kind: Kind): Value {
    const { random } = this;
    const fitting = this.#variables.filter((variable) => variable.kind === kind || variable.kind === "any");
    const { name } = random.pick(fitting.length > 0 ? fitting : this.#variables);
    const below = random.chance(0.3) ? `.${random.pick(["a", "b", "x", "y", "k", "v"])}` : "";
    return `$$${name}${below}`;
  }
}

function kindOf(value: Value): Kind {
  if (typeof value === "number" || typeof value === "bigint") return "number";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "boolean";
  if (Array.isArray(value)) return "array";
  if (value instanceof Date) return "date";
  return isDocument(value) ? "object" : "any";
}

const byKind = new Map<Kind, readonly OperatorMaker[]>();

/** The operators that the engine knows and that yield a kind. */
function operatorsOf(kind: Kind): readonly OperatorMaker[] {
  const known = byKind.get(kind);
  if (known !== undefined) return known;
  const names = knownOperators();
  const found = OPERATORS.filter(
    (operator) =>
      names.has(operator.name) &&
      (kind === "any" ||
        operator.kind === kind ||
        operator.kind === "any" ||
        (kind === "number" && operator.kind === "integer")),
  );
  byKind.set(kind, found);
  return found;
}

/** A constant. */
export function literal(random: Random, kind: Kind): Value {
  switch (kind) {
    case "number":
      return anyNumber(random);
    case "integer":
      return random.pick<Value>([0, 1, 2, 3, -1, -2, 5, 2n, double(1), double(1.5), 100]);
    case "string": {
      const text = random.pick(STRINGS);
      return text.startsWith("$") ? { $literal: text } : text;
    }
    case "boolean":
      return random.chance(0.5);
    case "array":
      return random.list(0, 3, () => safeConstant(random));
    case "object":
      return random.chance(0.8) ? { x: safeConstant(random), a: safeConstant(random) } : {};
    case "date":
      return new Date(
        random.pick([0, 1580601600123, 951782400000, -1, 1697068800000, -62135596800000, 1583020799999]),
      );
    case "any":
      return random.chance(0.5) ? safeConstant(random) : { $literal: anyValue(random, 2) };
  }
}

function safeConstant(random: Random): Value {
  const value = anyScalar(random);
  return typeof value === "string" && value.startsWith("$") ? "b" : value;
}
