/**
 * Arithmetic on plain JavaScript numbers, for whole trees of operators at once.
 *
 * Where all leaves of a tree are `number`s its result is computed without boxes and checks of types in
 * between; where a leaf is not, or a guard fails, the exact functions run on the same leaves.
 */
import { Double } from "bson";
import { type Code, code, join } from "../code.ts";
import { double } from "../values.ts";
import type { Emitter, Mode, Typed } from "./emitter.ts";
import type { CallNode, ExpressionNode } from "./nodes.ts";
import { cannotFail } from "./properties.ts";
import { T } from "./types.ts";

/** Integers up to here are exact as doubles. */
const EXACT = 2 ** 53;
const INT32 = 2 ** 31;

interface Raw {
  readonly raw: Code;
  /** The exact result, by calls. */
  readonly strict: Code;
  /** How large the result can be when it is integral and no operand was a double. */
  readonly bound: number;
  /** Whether it is certainly a double where all leaves are plain numbers. */
  readonly double: boolean;
}

/** Whether a call can be emitted this way. */
export function hasRawForm(node: ExpressionNode): boolean {
  if (node.kind !== "call" || node.operator.raw?.operands(node.args.length) !== true) return false;
  // Leaves are computed beforehand, so none may fail that a null before it would have kept from being computed.
  return node.operator.stopsAtNull === undefined || node.args.slice(1).every(hasSafeLeaves);
}

function hasSafeLeaves(node: ExpressionNode | undefined): boolean {
  if (node === undefined || cannotFail(node)) return true;
  return node.kind === "call" && hasRawForm(node) && node.args.every(hasSafeLeaves);
}

class Tree {
  readonly #guards: Code[] = [];
  readonly #checked = new Set<string>();
  /** What may be integers or doubles: leaves, and results on the way that may be beyond int32. */
  readonly #open: Code[] = [];

  constructor(readonly emitter: Emitter) {}

  /** `typed` where the type of the operand matters, not only its value: an int64 makes the result one. */
  #operand(node: ExpressionNode, typed: boolean): Raw {
    if (node.kind !== "call" || !hasRawForm(node)) return this.#leaf(node);
    const operand = this.call(node, typed);
    if (!typed || operand.double || operand.bound < INT32) return operand;
    const raw = this.#name(operand.raw);
    this.#open.push(raw);
    return { ...operand, raw };
  }

  call(node: CallNode, typed: boolean): Raw {
    const { raw } = node.operator;
    const typedOperands = typed && raw?.double !== "always";
    const operands = node.args.map((arg) =>
      this.#operand(arg ?? { kind: "constant", value: null }, typedOperands),
    );
    if (raw === undefined) return this.#leaf(node);
    const codes = operands.map((operand) => operand.raw);
    const named = raw.guard === undefined ? codes : codes.map((operand) => this.#name(operand));
    if (raw.guard !== undefined) this.#guards.push(raw.guard(named, this.emitter));
    let result = raw.emit(named, this.emitter);
    const doubles = operands.map((operand) => operand.double);
    const some = raw.double === "some" && doubles.includes(true);
    const isDouble = raw.double === "always" || some || doubles[0] === true;
    let bound = isDouble ? 0 : raw.bound(operands.map((operand) => operand.bound));
    if (bound > EXACT) {
      result = this.#name(result);
      this.#guards.push(code`Math.abs(${result}) <= ${EXACT}`);
      bound = EXACT;
    }
    return { raw: result, strict: this.#strict(node, operands), bound, double: isDouble };
  }

  /** A call of the exact function. Where operands stop at null, later ones that can fail wait for that. */
  #strict(node: CallNode, operands: readonly Raw[]): Code {
    const { operator, args } = node;
    const run = this.emitter.ref(operator.run, "run");
    const lazy =
      operator.stopsAtNull !== undefined &&
      args.some((arg, i) => i > 0 && arg !== undefined && !cannotFail(arg));
    const values = operands.map(({ strict }) => (lazy ? this.emitter.temporary("s") : strict));
    const call = code`${run}(${join([code`${node.at}`, ...values], code`, `)})`;
    if (!lazy) return call;
    // What stands in later operands when one is null does not matter: the function looks at them in turn.
    const stops = operands.map(({ strict }, i) => code`(${values[i] ?? strict} = ${strict}) == null`);
    return code`((${join(stops, code` || `)}), ${call})`;
  }

  /** Gives an intermediate result a name; it is computed as part of the guards, in their order. */
  #name(value: Code): Code {
    if (/^(\w+|\(?-?[\d.]+\)?)$/.test(value.text)) return value;
    const name = this.emitter.temporary("n");
    this.#guards.push(code`((${name} = ${value}), true)`);
    return name;
  }

  #leaf(node: ExpressionNode): Raw {
    if (node.kind === "constant" && node.value instanceof Double) {
      const { code: strict } = this.emitter.constant(node.value);
      return { raw: this.emitter.scope.number(node.value.value), strict, bound: 0, double: true };
    }
    const { code: value, types, plain, constant } = this.emitter.bound(node);
    if (!this.#checked.has(value.text)) {
      this.#checked.add(value.text);
      if (plain !== true) this.#guards.push(code`typeof ${value} === "number"`);
      if (types !== T.INT && types !== T.DOUBLE) this.#open.push(value);
    }
    const bound = constant === undefined ? INT32 : Math.abs(constant);
    return { raw: value, strict: value, bound, double: types === T.DOUBLE };
  }

  guards(): Code {
    return this.#guards.length === 0 ? code`true` : join(this.#guards, code` && `);
  }

  /** Holds where all of them are int32. */
  integers(): Code {
    return join(
      this.#open.map((leaf) => code` && (${leaf} | 0) === ${leaf}`),
      code``,
    );
  }
}

/** Emits a tree of arithmetic whose top is `node`. */
export function emitRaw(emitter: Emitter, node: CallNode, mode: Mode): Typed {
  const tree = new Tree(emitter);
  const { raw, strict, double: isDouble } = tree.call(node, mode !== "loose");
  const result = emitter.temporary("r");
  const guards = tree.guards();
  const { result: types } = node.operator;
  if (mode === "loose") {
    emitter.line(code`${result} = ${guards} ? ${raw} : ${strict};`);
  } else if (isDouble) {
    emitter.line(code`${result} = ${guards} ? ${emitter.ref(double, "double")}(${raw}) : ${strict};`);
  } else {
    // An integral result is an int32 if all leaves and operands are, and it fits; else the exact way tells what it is.
    const integer = code`(${result} | 0) === ${result}${tree.integers()} && ((${result} |= 0), true)`;
    const settled = code`((${result} = ${raw}), (!Number.isInteger(${result}) || ${integer}))`;
    emitter.line(code`if (!(${guards} && ${settled})) ${result} = ${strict};`);
  }
  return { code: result, types };
}
