/** Reads expressions into nodes, checks all that can be known beforehand, and folds constants. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { type Document, isDocument, setField, type Value } from "../values.ts";
import { foldCall } from "./fold.ts";
import type { CallNode, ExpressionNode, FieldNode, Operator } from "./nodes.ts";

/** Levels of expressions in each other; the server's limit on documents allows fewer than 200. */
const MAX_DEPTH = 150;
/** Nodes of one expression: what a command of the server's 16 MB could hold, and code that still compiles. */
const MAX_NODES = 200_000;
const UNSUPPORTED_VARIABLES = ["CLUSTER_TIME", "JS_SCOPE", "IS_MR", "SEARCH_META", "USER_ROLES"];
const UNSUPPORTED_OPERATORS: Readonly<Record<string, string>> = {
  $function: "it would run a program of its author",
  $accumulator: "it would run a program of its author",
  $meta: "there is no text search",
};

/** Reads one expression: knows the operators and which variables are in sight. */
export class Reader {
  /** Names of bound variables, innermost last. */
  readonly #names: string[] = [];
  #depth = 0;
  #nodes = 0;
  #lenient = 0;

  constructor(
    readonly operators: ReadonlyMap<string, Operator>,
    readonly externals: ReadonlySet<string>,
  ) {}

  /** How many variables are bound here: the level of the next. */
  get level(): number {
    return this.#names.length;
  }

  /** Reads an expression. What the server does not fold beforehand is `lenient`: its constants fail at run time. */
  read(value: Value, at: string, lenient = false): ExpressionNode {
    if (lenient) return this.#leniently(() => this.read(value, at));
    tick();
    if (++this.#nodes > MAX_NODES) throw new QueryError("limit", at, `has more than ${MAX_NODES} parts`);
    if (typeof value === "string") return this.#text(value, at);
    if (typeof value !== "object" || value === null) return constant(value);
    if (++this.#depth > MAX_DEPTH) {
      throw new QueryError("limit", at, `expressions cannot nest deeper than ${MAX_DEPTH} levels`);
    }
    try {
      if (Array.isArray(value)) return this.#array(value, at);
      return isDocument(value) ? this.#object(value, at) : constant(value);
    } finally {
      this.#depth--;
    }
  }

  /** Reads an expression in which more variables are bound. */
  readWith(names: readonly string[], value: Value, at: string): ExpressionNode {
    this.#names.push(...names);
    try {
      return this.read(value, at);
    } finally {
      this.#names.length -= names.length;
    }
  }

  /** Whether what is read is left to run time, with its errors. */
  get isLenient(): boolean {
    return this.#lenient > 0;
  }

  #leniently<R>(read: () => R): R {
    this.#lenient++;
    try {
      return read();
    } finally {
      this.#lenient--;
    }
  }

  /** Makes the node of an operator: checked, and folded where all is constant. */
  call(
    operator: Operator,
    args: readonly (ExpressionNode | undefined)[],
    at: string,
    level = this.level,
  ): ExpressionNode {
    if (this.#lenient === 0) operator.check?.(args, at);
    const node: CallNode = Object.freeze({ kind: "call", operator, args, at, level });
    try {
      return foldCall(node, { inPlace: this.isLenient });
    } catch (error) {
      if (this.#lenient > 0 && error instanceof QueryError && error.kind === "runtime") return node;
      throw error;
    }
  }

  #array(value: readonly Value[], at: string): ExpressionNode {
    const items = value.map((item, i) => this.read(item, `${at}[${i}]`));
    if (items.every((item) => item.kind === "constant")) {
      return constant(items.map((item) => (item.kind === "constant" ? item.value : null) ?? null));
    }
    return Object.freeze({ kind: "array", items });
  }

  #object(value: Document, at: string): ExpressionNode {
    const names = Object.keys(value);
    const [first] = names;
    if (first?.startsWith("$")) return this.#operator(value, first, names, at);
    const fields = names.map((name) => {
      checkFieldName(name, at);
      return [name, this.read(value[name] ?? null, `${at}.${name}`)] as const;
    });
    if (fields.every(([, field]) => field.kind === "constant")) {
      const result: Document = {};
      for (const [name, field] of fields) {
        if (field.kind === "constant" && field.value !== undefined) setField(result, name, field.value);
      }
      return constant(result);
    }
    return Object.freeze({ kind: "object", fields });
  }

  #operator(value: Document, name: string, names: readonly string[], at: string): ExpressionNode {
    if (names.length > 1) {
      throw new QueryError(
        "invalid",
        at,
        `${name} must stand alone in its object; it has ${names.length} fields`,
      );
    }
    const where = `${at}.${name}`;
    const operator = this.operators.get(name);
    if (operator === undefined) {
      const reason = Object.hasOwn(UNSUPPORTED_OPERATORS, name) ? UNSUPPORTED_OPERATORS[name] : undefined;
      if (reason !== undefined)
        throw new QueryError("unsupported", where, `${name} is not supported: ${reason}`);
      throw new QueryError("invalid", where, `unknown operator${didYouMean(name, this.operators.keys())}`);
    }
    const argument = value[name] ?? null;
    if (operator.folds === "nothing") return this.#leniently(() => this.#call(operator, argument, where));
    return this.#call(operator, argument, where);
  }

  #call(operator: Operator, argument: Value, where: string): ExpressionNode {
    if (operator.parse !== undefined) return operator.parse(this, argument, where);
    if (operator.arguments.kind === "named") {
      const { required, optional } = operator.arguments;
      const given = readNamed(argument, required, optional, where);
      const read = given.map((item, i) =>
        item === undefined ? undefined : this.read(item, `${where}.${[...required, ...optional][i]}`),
      );
      return this.call(operator, read, where);
    }
    return this.call(operator, this.#list(operator, argument, where), where);
  }

  #list(operator: Operator, argument: Value, at: string): ExpressionNode[] {
    const { min, max } = operator.arguments.kind === "list" ? operator.arguments : { min: 0, max: Infinity };
    const many = Array.isArray(argument);
    const count = many ? argument.length : 1;
    if (count < min || count > max) {
      const wanted = min === max ? `${min}` : max === Infinity ? `at least ${min}` : `${min} to ${max}`;
      throw new QueryError(
        "invalid",
        at,
        `needs ${wanted} argument${wanted === "1" ? "" : "s"}, not ${count}`,
      );
    }
    return many ? argument.map((item, i) => this.read(item, `${at}[${i}]`)) : [this.read(argument, at)];
  }

  #text(text: string, at: string): ExpressionNode {
    if (!text.startsWith("$")) return constant(text);
    if (!text.startsWith("$$")) {
      const parts = splitFieldPath(text.slice(1), at);
      const current = this.#names.lastIndexOf("CURRENT");
      return field(current < 0 ? { kind: "root" } : { kind: "variable", level: current }, parts);
    }
    const [name = "", ...parts] = splitFieldPath(text.slice(2), at);
    return this.#variable(name, parts, at);
  }

  #variable(name: string, parts: readonly string[], at: string): ExpressionNode {
    const level = this.#names.lastIndexOf(name);
    if (level >= 0) return field({ kind: "variable", level }, parts);
    if (this.externals.has(name) || name === "NOW") return field({ kind: "external", name }, parts);
    if (name === "ROOT" || name === "CURRENT") return field({ kind: "root" }, parts);
    if (name === "REMOVE") return constant(undefined);
    if (UNSUPPORTED_VARIABLES.includes(name)) {
      throw new QueryError("unsupported", at, `the variable $$${name} is not supported`);
    }
    const known = [...this.#names, ...this.externals, "ROOT", "CURRENT", "REMOVE", "NOW"];
    throw new QueryError("invalid", at, `undefined variable $$${name}${didYouMean(name, known)}`);
  }
}

function constant(value: Value | undefined): ExpressionNode {
  return Object.freeze({ kind: "constant", value });
}

function field(from: FieldNode["from"], parts: readonly string[]): ExpressionNode {
  Object.freeze(from);
  return parts.length === 0 ? from : Object.freeze({ kind: "field", from, parts });
}

function splitFieldPath(path: string, at: string): string[] {
  const parts = path.split(".");
  for (const part of parts) {
    if (part === "") throw new QueryError("invalid", at, "a field path cannot have an empty part");
    if (part.startsWith("$")) {
      throw new QueryError(
        "invalid",
        at,
        `a part of a field path cannot begin with $: ${part}; use $getField`,
      );
    }
    if (part.includes("\0"))
      throw new QueryError("invalid", at, "a field path cannot contain a null character");
  }
  if (parts.length > 200) throw new QueryError("limit", at, "a field path cannot have more than 200 parts");
  return parts;
}

function checkFieldName(name: string, at: string): void {
  if (name.startsWith("$")) {
    throw new QueryError("invalid", `${at}.${name}`, "an object cannot have both fields and an operator");
  }
  if (name === "") throw new QueryError("invalid", at, "a field name cannot be empty");
  if (name.includes(".")) {
    throw new QueryError(
      "invalid",
      at,
      `the field name ${name} cannot contain a dot; nest objects or use $setField`,
    );
  }
}

/** Named arguments in the order `required`, `optional`; throws for missing and unknown ones. */
export function readNamed(
  argument: Value,
  required: readonly string[],
  optional: readonly string[],
  at: string,
): (Value | undefined)[] {
  const known = [...required, ...optional];
  if (!isDocument(argument)) {
    throw new QueryError("invalid", at, `needs an object with ${known.join(", ")}`);
  }
  for (const name of Object.keys(argument)) {
    if (known.includes(name)) continue;
    throw new QueryError(
      "invalid",
      `${at}.${name}`,
      `unknown argument${didYouMean(name, known)}; known are ${known.join(", ")}`,
    );
  }
  for (const name of required) {
    if (!Object.hasOwn(argument, name)) throw new QueryError("invalid", at, `needs the argument ${name}`);
  }
  return known.map((name) => (Object.hasOwn(argument, name) ? argument[name] : undefined));
}

/** Checks a name that a user gives to a variable. */
export function checkVariableName(name: string, at: string): void {
  if (name === "CURRENT") return;
  // Letters beyond ASCII are allowed anywhere.
  if (!/^[a-z\u0080-\u{10ffff}][\w\u0080-\u{10ffff}]*$/u.test(name)) {
    throw new QueryError(
      "invalid",
      at,
      `a variable's name must begin with a lower-case letter and hold letters, digits and _: ${JSON.stringify(name)}`,
    );
  }
}
