/** `$cond $ifNull $switch`: only the branch that is taken is computed. */
import { type Code, code } from "../../code.ts";
import { QueryError } from "../../errors.ts";
import { type Document, isDocument, truthy, type Value } from "../../values.ts";
import type { Emitter, Mode, Typed } from "../emitter.ts";
import type { CallNode, ExpressionNode, Operator } from "../nodes.ts";
import { isNullish } from "../numbers.ts";
import { type Reader, readNamed } from "../parse.ts";
import { ANY, NULLISH } from "../types.ts";
import { argument, example } from "./describe.ts";

/** Emits branches that each set one result, and says what types it can have. */
class Branches {
  readonly result: Code;
  #types = 0;
  #plain = true;

  constructor(
    readonly emitter: Emitter,
    readonly mode: Mode,
  ) {
    this.result = emitter.temporary("b");
  }

  branch(node: ExpressionNode): Code {
    return this.emitter.block(() => this.#set(this.emitter.emit(node, this.mode)));
  }

  otherwise(typed: Typed): Code {
    return this.emitter.block(() => this.#set(typed));
  }

  #set({ code: value, types, plain }: Typed): void {
    this.emitter.line(code`${this.result} = ${value};`);
    this.#types |= types;
    this.#plain &&= plain === true;
  }

  typed(): Typed {
    return { code: this.result, types: this.#types, ...(this.#plain ? { plain: true } : {}) };
  }
}

function emitCond(emitter: Emitter, call: CallNode, mode: Mode): Typed {
  const branches = new Branches(emitter, mode);
  const condition = emitter.condition(argument(call, 0));
  const yes = branches.branch(argument(call, 1));
  const no = branches.branch(argument(call, 2));
  emitter.line(code`if (${condition}) { ${yes} } else { ${no} }`);
  return branches.typed();
}

function parseCond(reader: Reader, value: Value, at: string): ExpressionNode {
  const given = Array.isArray(value) ? value : readNamed(value, ["if", "then", "else"], [], at);
  if (given.length !== 3) throw new QueryError("invalid", at, `needs 3 arguments, not ${given.length}`);
  const names = Array.isArray(value) ? ["[0]", "[1]", "[2]"] : [".if", ".then", ".else"];
  const [condition, yes, no] = given.map((item, i) => reader.read(item ?? null, `${at}${names[i]}`));
  if (condition === undefined || yes === undefined || no === undefined) throw new Error("three were read");
  if (condition.kind === "constant") return truthy(condition.value) ? yes : no;
  return reader.call(COND, [condition, yes, no], at);
}

const COND: Operator = {
  name: "$cond",
  category: "conditional",
  summary: "One of two values, by a condition; only that one is computed.",
  arguments: {
    kind: "own",
    form: "`[if, then, else]` or `{if: …, then: …, else: …}`",
  },
  result: ANY,
  example: example({ $cond: [{ $gt: ["$drb", 0.5] }, "real", "bogus"] }, { drb: 0.9 }, "real"),
  parse: parseCond,
  emit: emitCond,
  safe: true,
};

function emitIfNull(emitter: Emitter, call: CallNode, mode: Mode): Typed {
  const result = emitter.temporary("b");
  const last = call.args.length - 1;
  let types = 0;
  const step = (i: number): void => {
    const { code: value, types: own } = emitter.emit(argument(call, i), mode);
    emitter.line(code`${result} = ${value};`);
    types |= i < last ? own & ~NULLISH : own;
    if (i === last || (own & NULLISH) === 0) return;
    const block = emitter.block(() => step(i + 1));
    emitter.line(code`if (${result} === null || ${result} === undefined) { ${block} }`);
  };
  step(0);
  return { code: result, types };
}

/** Leaves out operands that are certainly null, and those behind one that certainly is not. */
function parseIfNull(reader: Reader, value: Value, at: string): ExpressionNode {
  if (!Array.isArray(value) || value.length < 2) {
    throw new QueryError("invalid", at, "needs an array of at least 2 arguments");
  }
  const operands = value.map((item, i) => reader.read(item, `${at}[${i}]`));
  const open: ExpressionNode[] = [];
  for (const [i, operand] of operands.entries()) {
    const last = i === operands.length - 1;
    const isNull = operand.kind === "constant" && isNullish(operand.value);
    if (!isNull || last) open.push(operand);
    if (operand.kind === "constant" && !isNull) break;
  }
  const [only] = open;
  return open.length === 1 && only !== undefined ? only : reader.call(IF_NULL, open, at);
}

/** An alternative of a `$switch`. */
interface Case {
  readonly when: ExpressionNode;
  readonly value: ExpressionNode;
}

/** As text, since an object literal with `then` looks like a promise to tools. */
const SWITCH_EXAMPLE: Document = JSON.parse(
  '{"$switch": {"branches": [{"case": {"$eq": ["$fid", 1]}, "then": "g"}], "default": "other"}}',
);

function parseSwitch(reader: Reader, value: Value, at: string): ExpressionNode {
  const [branches, otherwise] = readNamed(value, ["branches"], ["default"], at);
  if (!Array.isArray(branches)) throw new QueryError("invalid", `${at}.branches`, "needs an array");
  const cases: Case[] = [];
  // What belongs to a case that never holds, or stands behind one that always does, the server leaves as it is.
  let settled = false;
  for (const [i, branch] of branches.entries()) {
    const where = `${at}.branches[${i}]`;
    if (!isDocument(branch)) throw new QueryError("invalid", where, "needs an object with case and then");
    const [when, then] = readNamed(branch, ["case", "then"], [], where);
    const condition = reader.read(when ?? null, `${where}.case`, settled);
    const holds = condition.kind === "constant" ? truthy(condition.value) : undefined;
    const value = reader.read(then ?? null, `${where}.then`, settled || holds === false);
    cases.push({ when: condition, value });
    settled ||= holds === true;
  }
  const fallback = otherwise === undefined ? undefined : reader.read(otherwise, `${at}.default`);
  if (cases.length === 0) {
    throw new QueryError("invalid", at, "needs at least one branch");
  }
  return fold(reader, cases, fallback, at);
}

/** Leaves out branches that are never taken, and what follows one that always is. */
function fold(
  reader: Reader,
  cases: readonly Case[],
  fallback: ExpressionNode | undefined,
  at: string,
): ExpressionNode {
  const args: (ExpressionNode | undefined)[] = [];
  let last = fallback;
  for (const { when, value } of cases) {
    if (when.kind !== "constant") args.push(when, value);
    else if (truthy(when.value)) {
      last = value;
      break;
    }
  }
  if (args.length > 0) return reader.call(SWITCH, [...args, last], at);
  if (last !== undefined) return last;
  const [first] = cases;
  // Nothing is folded here, so that it fails when a document comes, if one does.
  if (reader.isLenient && first !== undefined)
    return reader.call(SWITCH, [first.when, first.value, undefined], at);
  return failNoBranch(at);
}

function failNoBranch(at: string): never {
  throw new QueryError("runtime", at, "no branch of $switch applies and it has no default");
}

function emitSwitch(emitter: Emitter, call: CallNode, mode: Mode): Typed {
  const branches = new Branches(emitter, mode);
  const count = (call.args.length - 1) / 2;
  const step = (i: number): void => {
    if (i < count) {
      const condition = emitter.condition(argument(call, 2 * i));
      const yes = branches.branch(argument(call, 2 * i + 1));
      const rest = emitter.block(() => step(i + 1));
      emitter.line(code`if (${condition}) { ${yes} } else { ${rest} }`);
      return;
    }
    const fallback = call.args[2 * count];
    if (fallback !== undefined) emitter.line(branches.branch(fallback));
    else emitter.line(code`${emitter.ref(failNoBranch, "failNoBranch")}(${call.at});`);
  };
  step(0);
  return branches.typed();
}

const SWITCH: Operator = {
  name: "$switch",
  category: "conditional",
  summary: "The value of the first branch whose case holds, else the default.",
  arguments: { kind: "own", form: "`{branches: [{case: …, then: …}, …], default: …}`" },
  result: ANY,
  example: example(SWITCH_EXAMPLE, { fid: 1 }, "g"),
  parse: parseSwitch,
  emit: emitSwitch,
};

const IF_NULL: Operator = {
  name: "$ifNull",
  category: "conditional",
  summary: "The first operand that is neither null nor missing, else the last.",
  arguments: { kind: "own", form: "`[expression, …, otherwise]`" },
  result: ANY,
  example: example({ $ifNull: ["$ssdistnr", "$missing", -999] }, { ssdistnr: null }, -999),
  parse: parseIfNull,
  emit: emitIfNull,
  safe: true,
};

export const conditionalOperators: readonly Operator[] = [COND, IF_NULL, SWITCH];
