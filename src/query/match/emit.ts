/** Generates the code of a filter: straight-line tests for the usual types, calls of `valueTest` for all else. */
import { Double } from "bson";
import { type Code, code, join, type Name, Scope } from "../code.ts";
import { tick } from "../deadline.ts";
import { compareStrings } from "../order.ts";
import { arrayPosition, emitField, someAlong, someInArray, type Test } from "../paths.ts";
import { type Document, getField, isDocument, toNumber, truthy, type Value } from "../values.ts";
import { nearTest } from "./near.ts";
import {
  type CompareNode,
  type ExprNode,
  type InNode,
  type LogicalNode,
  type MatchNode,
  type PathNode,
  walkMatch,
} from "./nodes.ts";
import { valueTest } from "./single.ts";

/** How `$expr` is compiled: given by the caller, so that this room of tests does not depend on expressions. */
export type CompileExpression = (expression: Value, path: string) => (root: Document) => Value | undefined;

/** Longer lists of conditions are split into functions, which engines compile better. */
const MAX_CHILDREN = 64;

/** The function around the code of a filter, where that is not a function of its own. */
export interface MatchHost {
  readonly scope: Scope;
  /** The document, but for fields that it does not have any more or has another value of. */
  readonly document: Code;
  /** A fresh variable of the function. */
  temporary(prefix: string): Name;
  /** The value of such a field. */
  field(name: string): Name | undefined;
}

/** A function of its own, of documents as they are. */
class OwnFunction implements MatchHost {
  readonly scope = new Scope();
  readonly document = this.scope.name("doc");
  readonly temporaries: Name[] = [];

  temporary(prefix: string): Name {
    const name = this.scope.name(prefix);
    this.temporaries.push(name);
    return name;
  }

  field(): undefined {}

  compile(condition: Code): (document: Document) => boolean {
    const declared =
      this.temporaries.length === 0 ? code`` : code`let ${join(this.temporaries, code`, `)};\n`;
    return this.scope.compile([this.document], code`${declared}return ${condition};`);
  }
}

/** Emits the code of a filter into a function. */
class Emitter {
  readonly scope: Scope;
  readonly document: Code;
  /** Values at paths that have been read on every way to the present place. */
  known = new Map<string, Name>();

  constructor(
    readonly compileExpression: CompileExpression,
    readonly host: MatchHost,
  ) {
    this.scope = host.scope;
    this.document = host.document;
  }

  emit(node: MatchNode): Code {
    switch (node.kind) {
      case "and":
        return this.#logical(node, code` && `);
      case "or":
        return this.#logical(node, code` || `);
      case "nor":
        return code`!${this.#logical(node, code` || `)}`;
      case "not":
        return code`!(${this.emit(node.child)})`;
      case "constant":
        return code`${node.value}`;
      case "sample":
        return code`(Math.random() < ${node.rate})`;
      case "schema":
        return code`${this.scope.constant(node.valid, "valid")}(${this.document})`;
      case "expr":
        return this.#expression(node);
      case "near":
        return code`${this.scope.constant(nearTest(node), "near")}(${this.document})`;
      default:
        return this.#path(node);
    }
  }

  #logical(node: LogicalNode, operator: Code): Code {
    const { children } = node;
    if (children.length > MAX_CHILDREN) return this.#split(node, operator);
    const [first, ...others] = children;
    if (first === undefined) return code`true`;
    const emitted = [this.emit(first)];
    // What later conditions read is known to still later ones, but not behind the whole.
    const outer = this.known;
    this.known = new Map(outer);
    for (const child of others) emitted.push(this.emit(child));
    this.known = outer;
    return code`(${join(emitted, operator)})`;
  }

  #split(node: LogicalNode, operator: Code): Code {
    const kind = node.kind === "and" ? "and" : "or";
    const calls: Code[] = [];
    const size = Math.max(MAX_CHILDREN, Math.ceil(node.children.length / MAX_CHILDREN));
    for (let i = 0; i < node.children.length; i += size) {
      const part: MatchNode = { kind, at: node.at, children: node.children.slice(i, i + size) };
      calls.push(
        code`${this.scope.constant(compileNode(part, this.compileExpression), "part")}(${this.document})`,
      );
    }
    return code`(${join(calls, operator)})`;
  }

  #expression(node: ExprNode): Code {
    const evaluate = this.scope.constant(this.compileExpression(node.expression, node.at), "evaluate");
    return code`${this.scope.constant(truthy, "truthy")}(${evaluate}(${this.document}))`;
  }

  /** Reads a path through documents; `undefined` for missing fields and wherever arrays stand in the way. */
  #read(parts: readonly string[], own: Name | undefined): { prepare: Code[]; value: Code } {
    const prepare: Code[] = [];
    let value: Code = this.document;
    let path = "";
    parts.forEach((part, i) => {
      path += `${JSON.stringify(part)}.`;
      const known = i === 0 && own !== undefined ? own : this.known.get(path);
      if (known !== undefined) {
        value = known;
        return;
      }
      const next = this.host.temporary("v");
      prepare.push(code`${next} = ${emitField(this.scope, value, part, i === 0)}`);
      this.known.set(path, next);
      value = next;
    });
    return { prepare, value };
  }

  #path(node: PathNode): Code {
    const { test, slow: compiled } = testsOf(node, this.compileExpression);
    const slow = this.scope.constant(compiled, "slow");
    const [first = ""] = node.parts;
    const own = this.host.field(first);
    const document = own === undefined ? this.document : code`{ ${first}: ${own} }`;
    if (!hasFastTest(node)) return code`${slow}(${document}, undefined)`;
    const { prepare, value } = this.#read(node.parts, own);
    const fast = this.#fast(node, value, test, code`${slow}(${document}, ${value})`);
    return prepare.length === 0 ? code`(${fast})` : code`(${join(prepare, code`, `)}, ${fast})`;
  }

  #fast(node: PathNode, value: Code, test: Test, slow: Code): Code {
    switch (node.kind) {
      case "compare":
        return this.#compare(node, value, slow);
      case "in":
        return this.#in(node, value, slow);
      case "exists":
        return code`${value} !== undefined || ${slow}`;
      case "regex":
        return code`typeof ${value} === "string" ? ${this.scope.constant(node.regex, "regex")}.test(${value}) : ${slow}`;
      case "size":
        return code`Array.isArray(${value}) ? ${value}.length === ${node.size} : ${slow}`;
      default:
        return code`Array.isArray(${value}) ? ${this.scope.constant(test, "test")}(${value}) : ${slow}`;
    }
  }

  #compare(node: CompareNode, value: Code, slow: Code): Code {
    const wanted = node.value instanceof Double ? node.value.value : node.value;
    if (wanted === null) return code`${value} === null || ${slow}`;
    const operator = OPERATORS[node.op];
    if (typeof wanted === "string" && node.op !== "eq") {
      const order = code`${this.scope.constant(compareStrings, "compareStrings")}(${value}, ${wanted})`;
      return code`typeof ${value} === "string" ? ${order} ${operator} 0 : ${slow}`;
    }
    if (typeof wanted === "bigint" || typeof wanted === "number")
      return this.#compareNumber(node, wanted, value, slow);
    return code`typeof ${value} === ${typeof wanted} ? ${value} ${operator} ${wanted as string | boolean} : ${slow}`;
  }

  #compareNumber(node: CompareNode, wanted: number | bigint, value: Code, slow: Code): Code {
    const operator = OPERATORS[node.op];
    const { number, long } = bothNumbers(wanted);
    // Unequal kinds of numbers compare exactly by order; equality needs the same kind.
    const exact = node.op === "eq";
    const constant = (own: number | bigint | undefined): Code | undefined => {
      const used = own ?? (exact ? undefined : wanted);
      return typeof used === "number"
        ? this.scope.number(used)
        : used === undefined
          ? used
          : this.scope.constant(used, "long");
    };
    const withNumber = constant(number);
    const withLong = constant(long);
    const ifNumber = withNumber === undefined ? code`false` : code`${value} ${operator} ${withNumber}`;
    const ifLong = withLong === undefined ? code`false` : code`${value} ${operator} ${withLong}`;
    return code`typeof ${value} === "number" ? ${ifNumber} : typeof ${value} === "bigint" ? ${ifLong} : ${slow}`;
  }

  #in(node: InNode, value: Code, slow: Code): Code {
    const strings = node.values.filter((item) => typeof item === "string");
    if (strings.length > 0) {
      const set = this.scope.constant(new Set(strings), "set");
      const patterns = node.regexes.map(
        (regex) => code` || ${this.scope.constant(regex, "regex")}.test(${value})`,
      );
      return code`typeof ${value} === "string" ? ${set}.has(${value})${join(patterns, code``)} : ${slow}`;
    }
    const longs = this.scope.constant(new Set(node.values.filter((item) => typeof item === "bigint")), "set");
    const numbers = this.scope.constant(new Set(node.values.map(plainNumber)), "set");
    return code`typeof ${value} === "number" ? ${numbers}.has(${value}) : typeof ${value} === "bigint" && ${longs}.has(${value}) || ${slow}`;
  }
}

const OPERATORS = {
  eq: code`===`,
  lt: code`<`,
  lte: code`<=`,
  gt: code`>`,
  gte: code`>=`,
};

/** A number in both representations, where they are exactly equal. */
function bothNumbers(wanted: number | bigint): { number: number | undefined; long: bigint | undefined } {
  if (typeof wanted === "bigint") {
    const number = Number(wanted);
    return { number: BigInt(number) === wanted ? number : undefined, long: wanted };
  }
  return { number: wanted, long: Number.isInteger(wanted) ? BigInt(wanted) : undefined };
}

/** The plain number that equals a listed one exactly; undefined where there is none. */
function plainNumber(value: Value): number | undefined {
  const number = toNumber(value);
  return number !== undefined && (typeof value !== "bigint" || BigInt(number) === value) ? number : undefined;
}

/** Whether a plain value of the wanted type can be tested inline, with the answer of the slow path. */
function hasFastTest(node: PathNode): boolean {
  switch (node.kind) {
    case "compare":
      if (typeof node.value === "number") return !Number.isNaN(node.value);
      if (node.value === null) return node.op !== "lt" && node.op !== "gt";
      return node.value instanceof Double || typeof node.value !== "object";
    case "in":
      return node.values.every(isPlain) && (node.values.length > 0 || node.regexes.length > 0);
    default:
      return ["exists", "regex", "size", "elemMatchObject", "elemMatchValue"].includes(node.kind);
  }
}

function isPlain(value: Value): boolean {
  return value === null || typeof value !== "object" || value instanceof Double;
}

/** Tests of a value, and of whole documents. They live as long as the filter, so they hold on to nothing else. */
function testsOf(node: PathNode, compileExpression: CompileExpression): { test: Test; slow: SlowTest } {
  const test = valueTest(node, (child) => compileNode(child, compileExpression));
  const whole = node.kind === "size" || node.kind === "elemMatchObject" || node.kind === "elemMatchValue";
  const rest = (parts: readonly string[]) => compileNode({ ...node, parts }, compileExpression);
  return { test, slow: slowTest(node.parts, test, whole ? "whole" : "items", rest) };
}

type SlowTest = (document: Document, value: Value | undefined) => boolean;
type Rest = (document: Document) => boolean;

/**
 * The test for whatever the inline one cannot decide; `value` is what stands at the path, when there are no
 * arrays. `compileRest` makes the test for the items of an array on the path, on first use.
 */
function slowTest(
  parts: readonly string[],
  test: Test,
  leaf: "items" | "whole",
  compileRest: (parts: readonly string[]) => Rest,
): SlowTest {
  const rests: (Rest | undefined)[] = [];
  return (document, known) => {
    if (known !== undefined && !Array.isArray(known)) return test(known);
    let value: Value | undefined = document;
    for (let i = 0; i < parts.length - 1; i++) {
      value = getField(value, parts[i] ?? "");
      if (Array.isArray(value)) {
        const next = i + 1;
        if (arrayPosition(parts[next] ?? "") >= 0) return someInArray(value, parts, next, test, leaf);
        let rest = rests[next];
        if (rest === undefined) {
          rest = compileRest(parts.slice(next));
          rests[next] = rest;
        }
        return someDocument(value, rest);
      }
      if (!isDocument(value)) return test(undefined);
    }
    return someAlong(value, parts, parts.length - 1, test, leaf);
  };
}

function someDocument(items: Value[], rest: Rest): boolean {
  tick(items.length);
  for (const item of items) if (isDocument(item) && rest(item)) return true;
  return false;
}

/** Compiles nodes into a test of documents. */
export function compileNode(
  node: MatchNode,
  compileExpression: CompileExpression,
): (document: Document) => boolean {
  const own = new OwnFunction();
  return own.compile(new Emitter(compileExpression, own).emit(node));
}

/**
 * Emits conditions into a function around them, each where those before it hold; `isEmittable` tells of which
 * filters.
 */
export function conditionEmitter(host: MatchHost): (node: MatchNode) => Code {
  const emitter = new Emitter(noExpression, host);
  return (node) => emitter.emit(node);
}

function noExpression(): never {
  throw new Error("expressions are emitted by the function around the filter");
}

/** Whether a filter's code needs no other functions of the whole document. */
export function isEmittable(node: MatchNode): boolean {
  for (const inner of walkMatch(node)) {
    if (inner.kind === "expr" || inner.kind === "schema" || inner.kind === "near") return false;
    if ("children" in inner && inner.children.length > MAX_CHILDREN) return false;
    if ("parts" in inner && inner.parts[0] === "__proto__") return false;
  }
  return true;
}
