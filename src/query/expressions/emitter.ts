/** Generates the code of expressions: straight-line statements and the expression that holds the result. */
import { Double } from "bson";
import { type Code, code, join, Name, type Scope } from "../code.ts";
import { tick } from "../deadline.ts";
import { emitField, isSafeName } from "../paths.ts";
import { type Document, truthy, type Value } from "../values.ts";
import { emitRaw, hasRawForm } from "./emit-raw.ts";
import { followPath } from "./field-path.ts";
import { Keys } from "./keys.ts";
import type { ArrayNode, CallNode, ExpressionNode, FieldNode, ObjectNode, Operator } from "./nodes.ts";
import { isOptional, stopsAt, stopsEarly } from "./properties.ts";
import { ANY, NULLISH, T, typesOfValue } from "./types.ts";

/**
 * How a result is wanted: as a `value`, exactly typed; or `loose`, where an integral JavaScript number may
 * stand for a double or int64 too (good enough for comparisons and conditions, and never boxed).
 */
export type Mode = "value" | "loose";

/** Code of a result and the types it can have. */
export interface Typed {
  readonly code: Code;
  readonly types: number;
  /** Set when it is certainly a JavaScript `number`. */
  readonly plain?: boolean;
  /** Set when it is this number, and not NaN. */
  readonly constant?: number;
}

/** Code that may stand in several places and beside any operator as it is: names, short numbers and words. */
const SHORT = /^-?\w{1,5}$/;
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
/** Types of results that count against the bound of growth. */
const BUILT = T.ARRAY | T.OBJECT;

/** Where the outside values of an expression are found in generated code. */
export interface Environment {
  /** The document. */
  readonly root: Code;
  /** A `ReadonlyMap` of variables given at run time. */
  readonly externals: Code;
}

/** Emits expressions into one function: temporaries are declared at its top. */
export class Emitter {
  readonly temporaries: Name[] = [];
  readonly keys = new Keys();
  /** Whether the code reads variables given at run time. */
  usesExternals = false;
  /** Whether the code counts what it builds against the bound of one evaluation. */
  grows = false;
  /** What earlier stages computed, by the numbers of slots. */
  readonly slots: Typed[] = [];
  #lines: Code[] = [];
  /** What has been computed on every way to the present place, by key. */
  #known = new Map<string, Typed>();
  readonly #variables: Typed[] = [];

  constructor(
    readonly scope: Scope,
    readonly environment: Environment,
  ) {}

  /** Adds a statement at the present place. */
  line(statement: Code): void {
    this.#lines.push(statement);
  }

  /** A fresh temporary, declared at the top of the function. */
  temporary(prefix = "t"): Name {
    const name = this.scope.name(prefix);
    this.temporaries.push(name);
    return name;
  }

  /** Names a result, so that it can be used several times. */
  bind(typed: Typed): Typed & { readonly code: Code } {
    if (typed.code instanceof Name || SHORT.test(typed.code.text)) return typed;
    const name = this.temporary();
    this.line(code`${name} = ${typed.code};`);
    return { ...typed, code: name };
  }

  /** A result under a name, whatever its code is: literals cannot stand before a dot. */
  named(node: ExpressionNode): Typed {
    const typed = this.bound(node);
    if (typed.code instanceof Name) return typed;
    const name = this.temporary();
    this.line(code`${name} = ${typed.code};`);
    return { ...typed, code: name };
  }

  /** An outside value by reference. */
  ref(value: unknown, prefix = "k"): Name {
    return this.scope.constant(value, prefix);
  }

  /** Collects what `emit` adds, as a block that may or may not run. */
  block(emit: () => void): Code {
    const lines = this.#lines;
    const known = this.#known;
    this.#lines = [];
    this.#known = new Map(known);
    try {
      emit();
      return join(this.#lines);
    } finally {
      this.#lines = lines;
      this.#known = known;
    }
  }

  /** Binds variables from `level` on while `emit` runs. */
  withVariables<R>(level: number, variables: readonly Typed[], emit: () => R): R {
    const known = this.#known;
    this.#known = new Map(known);
    variables.forEach((variable, i) => {
      this.#variables[level + i] = variable;
    });
    try {
      return emit();
    } finally {
      this.#known = known;
    }
  }

  /** All that has been emitted. */
  statements(): Code {
    return join(this.#lines);
  }

  /** The exactly typed value of a node. */
  value(node: ExpressionNode): Typed {
    return this.emit(node, "value");
  }

  /** The exactly typed value, named. */
  bound(node: ExpressionNode): Typed {
    return this.bind(this.emit(node, "value"));
  }

  emit(node: ExpressionNode, mode: Mode): Typed {
    switch (node.kind) {
      case "constant":
        return this.constant(node.value, mode);
      case "root":
        return { code: this.environment.root, types: T.OBJECT };
      case "variable":
        return this.#variables[node.level] ?? { code: code`undefined`, types: T.MISSING };
      case "slot":
        return this.slots[node.slot] ?? { code: code`undefined`, types: T.MISSING };
      case "external":
        this.usesExternals = true;
        return this.#remember(this.keys.of(node), () => ({
          code: code`${this.environment.externals}.get(${node.name})`,
          types: ANY,
        }));
      case "field":
        return this.#field(node);
      case "object":
        return this.#remember(this.keys.of(node), () => this.#object(node));
      case "array":
        return this.#remember(this.keys.of(node), () => this.#array(node));
      case "call":
        return this.#call(node, mode);
    }
  }

  /** A constant as code. */
  constant(value: Value | undefined, mode: Mode = "value"): Typed {
    const types = typesOfValue(value);
    if (value === undefined) return { code: code`undefined`, types };
    if (typeof value === "number") return { code: this.scope.number(value), types, ...constantNumber(value) };
    if (value === null || typeof value === "boolean" || typeof value === "string")
      return { code: code`${value}`, types };
    if (mode === "loose" && value instanceof Double)
      return { code: this.scope.number(value.value), types, ...constantNumber(value.value) };
    return { code: this.ref(value), types };
  }

  /** Code that is true where the node's value counts as true. */
  condition(node: ExpressionNode): Code {
    if (node.kind === "constant") return code`${truthy(node.value)}`;
    if (node.kind === "call") {
      const known = this.#known.get(this.keys.of(node));
      if (known !== undefined) return this.truth(known);
      if (node.operator.condition !== undefined) return node.operator.condition(this, node);
    }
    return this.truth(this.emit(node, "loose"));
  }

  /** Code that is true where a result counts as true. */
  truth(result: Typed): Code {
    if (result.types === T.BOOL) return result.code;
    const { code: value } = this.bind(result);
    if ((result.types & ~(T.BOOL | NULLISH)) === 0) return code`(${value} === true)`;
    if (result.plain) return code`(${value} !== 0)`;
    return code`(${value} === true || (${value} !== false && ${this.ref(truthy, "truthy")}(${value})))`;
  }

  /** Keeps a result under a key for the rest of the present block. */
  #remember(key: string, emit: () => Typed): Typed {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const result = this.bind(emit());
    this.#known.set(key, result);
    return result;
  }

  #call(node: CallNode, mode: Mode): Typed {
    const key = this.keys.of(node);
    const exact = this.#known.get(key);
    if (exact !== undefined) return exact;
    const { operator } = node;
    if (operator.condition !== undefined) {
      return this.#remember(key, () => ({
        code: operator.condition?.(this, node) ?? code`false`,
        types: T.BOOL,
      }));
    }
    const loose = mode === "loose" && (operator.raw !== undefined || operator.emit !== undefined);
    const emit = () => this.#operator(node, mode);
    if (operator.volatile) return this.bind(emit());
    return this.#remember(loose ? `loose ${key}` : key, emit);
  }

  #operator(node: CallNode, mode: Mode): Typed {
    const { operator } = node;
    if (hasRawForm(node)) return emitRaw(this, node, mode);
    if (operator.emit !== undefined) return operator.emit(this, node, mode);
    if (stopsEarly(node)) return this.#untilNull(node);
    return this.run(
      node,
      node.args.map((arg, i) => this.#argument(operator, arg, i)),
    );
  }

  #argument(operator: Operator, arg: ExpressionNode | undefined, index: number): Typed | undefined {
    if (arg === undefined) return undefined;
    const value = this.bound(arg);
    return isOptional(operator, index) ? this.#orNull(value) : value;
  }

  /** A call whose operands are computed in turn, until one is null or missing. */
  #untilNull(node: CallNode): Typed {
    const { operator, args } = node;
    const result = this.temporary("r");
    this.line(code`${result} = null;`);
    const values: (Typed | undefined)[] = [];
    const step = (i: number): void => {
      if (i === args.length) {
        this.line(code`${result} = ${this.run(node, values).code};`);
        return;
      }
      values.push(this.#argument(operator, args[i], i));
      const present = stopsAt(operator, i)
        ? presence(operator.stopsAtNull === "pair" ? values : values.slice(-1))
        : [];
      if (present.length === 0) step(i + 1);
      else {
        // Operands before the one that is null still have to be of the right types.
        const stop =
          operator.stopsAtNull === "first" ? code`` : code`${result} = ${this.run(node, [...values]).code};`;
        const block = this.block(() => step(i + 1));
        this.line(code`if (${join(present, code` && `)}) { ${block} } else { ${stop} }`);
      }
    };
    step(0);
    return { code: result, types: operator.result };
  }

  /** A missing value as null, so that it differs from an argument that is not given. */
  #orNull(value: Typed): Typed {
    return value.types & T.MISSING ? { code: code`(${value.code} ?? null)`, types: ANY } : value;
  }

  /** A call of the operator's function on results. */
  run(node: CallNode, args: readonly (Typed | undefined)[]): Typed {
    const { operator } = node;
    const run = this.ref(operator.run, "run");
    if (operator.grows === true || (operator.result & BUILT) !== 0) this.grows = true;
    const values = args.map((arg) => arg?.code ?? code`undefined`);
    const plain = operator.result === T.INT;
    const typed = {
      code: code`${run}(${join([code`${node.at}`, ...values], code`, `)})`,
      types: operator.result,
    };
    return plain ? { ...typed, plain } : typed;
  }

  #object(node: ObjectNode): Typed {
    const fields = node.fields.map(([name, value]) => [name, this.bound(value)] as const);
    const entries = fields.map(([name, value]) => code`${name}: ${value.code}`);
    const literal = code`{ ${join(entries, code`, `)} }`;
    const plain = fields.every(([name]) => name !== "__proto__");
    const open = fields.filter(([, { types }]) => (types & T.MISSING) !== 0);
    if (plain && open.length === 0) return { code: code`(${literal})`, types: T.OBJECT };
    const result = this.temporary("o");
    const sets = fields.map(([name, { code: value, types }]) => {
      const guard = types & T.MISSING ? code`if (${value} !== undefined) ` : code``;
      return code`${guard}${emitSet(this, result, name, value)}`;
    });
    const oneByOne = code`${result} = {}; ${join(sets, code` `)}`;
    // Engines make a whole object faster than one that grows.
    const present = open.map(([, { code: value }]) => code`${value} !== undefined`);
    this.line(
      plain ? code`if (${join(present, code` && `)}) ${result} = ${literal}; else { ${oneByOne} }` : oneByOne,
    );
    return { code: result, types: T.OBJECT };
  }

  #array(node: ArrayNode): Typed {
    const items = node.items.map((item) => {
      const { code: value, types } = this.value(item);
      return types & T.MISSING ? code`${value} ?? null` : value;
    });
    return { code: code`[${join(items, code`, `)}]`, types: T.ARRAY };
  }

  #field(node: FieldNode): Typed {
    const key = this.keys.of(node);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const bound = this.bind(this.emit(node.from, "value"));
    const base = IDENTIFIER.test(bound.code.text) ? bound : this.named(node.from);
    let value = base.code;
    let certain = base.types === T.OBJECT;
    const passed: Code[] = base.types & T.ARRAY ? [base.code] : [];
    node.parts.forEach((part, i) => {
      if (i > 0) passed.push(value);
      const prefix = `step ${this.keys.of({ ...node, parts: node.parts.slice(0, i + 1) })}`;
      value = this.#remember(prefix, () => ({
        code: emitField(this.scope, value, part, certain),
        types: ANY,
      })).code;
      certain = false;
    });
    const result =
      passed.length === 0 ? { code: value, types: ANY } : this.#mapped(node, base.code, value, passed);
    this.#known.set(key, result);
    return result;
  }

  /** The result of a path where arrays may stand on the way. */
  #mapped(node: FieldNode, base: Code, value: Code, passed: readonly Code[]): Typed {
    const result = this.temporary("v");
    const arrays = join(
      passed.map((item) => code`Array.isArray(${item})`),
      code` || `,
    );
    const slow = code`${this.ref(followPath, "followPath")}(${base}, ${this.ref(node.parts, "parts")})`;
    this.line(code`${result} = ${value};`);
    const last = node.parts.at(-1) ?? "";
    const items = passed.at(-1);
    if (items === undefined || node.from.kind === "variable" || !isSafeName(last)) {
      this.line(code`if (${result} === undefined && (${arrays})) ${result} = ${slow};`);
    } else {
      const loop = this.block(() => this.#mapItems(items, last, result));
      const others = passed.length === 1 ? code`` : code` else if (${arrays}) ${result} = ${slow};`;
      this.line(code`if (${result} === undefined) { if (Array.isArray(${items})) { ${loop} }${others} }`);
    }
    return { code: result, types: ANY };
  }

  /** What the documents in an array have in a field. */
  #mapItems(items: Code, name: string, result: Code): void {
    const [index, value] = [this.temporary("i"), this.temporary("f")];
    this.line(code`${this.ref(tick, "tick")}(${items}.length); ${result} = [];`);
    const read = emitField(this.scope, code`${items}[${index}]`, name);
    const keep = code`${value} = ${read}; if (${value} !== undefined) ${result}.push(${value});`;
    this.line(code`for (${index} = 0; ${index} < ${items}.length; ${index}++) { ${keep} }`);
  }
}

/** Tests that results which may be null or missing are not. */
function presence(values: readonly (Typed | undefined)[]): Code[] {
  return values.flatMap((value) => {
    if (value === undefined || (value.types & NULLISH) === 0) return [];
    return [code`${value.code} !== null && ${value.code} !== undefined`];
  });
}

function constantNumber(value: number): Pick<Typed, "plain" | "constant"> {
  return Number.isNaN(value) ? { plain: true } : { plain: true, constant: value };
}

function defineProto(document: Document, value: Value): void {
  Object.defineProperty(document, "__proto__", {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}

/** A statement that sets a field of a new document; `__proto__` too is a plain name. */
export function emitSet(emitter: Emitter, document: Code, name: string, value: Code): Code {
  if (name === "__proto__") return code`${emitter.ref(defineProto, "defineProto")}(${document}, ${value});`;
  return code`${document}[${name}] = ${value};`;
}
