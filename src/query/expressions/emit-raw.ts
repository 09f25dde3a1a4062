/**
 * Arithmetic on plain JavaScript numbers, for whole trees of operators at once.
 *
 * Where all leaves of a tree are `number`s its result is computed without boxes and checks of types in
 * between; where a leaf is not, or a guard fails, the exact functions run on the same leaves.
 */
import { Double } from "bson";
import { type Code, code, join } from "../code.ts";
import type { Emitter, Mode, Typed } from "./emitter.ts";
import type { CallNode, ExpressionNode } from "./nodes.ts";
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
  readonly double: boolean;
}

class Tree {
  readonly #guards: Code[] = [];
  readonly #checked = new Set<string>();

  constructor(readonly emitter: Emitter) {}

  build(node: ExpressionNode): Raw {
    const inner = node.kind === "call" && node.operator.raw?.operands(node.args.length) === true;
    return inner ? this.call(node) : this.#leaf(node);
  }

  call(node: CallNode): Raw {
    const { raw } = node.operator;
    const operands = node.args.map((arg) => this.build(arg ?? { kind: "constant", value: null }));
    if (raw === undefined) return this.#leaf(node);
    const codes = operands.map((operand) => operand.raw);
    const named = raw.guard === undefined ? codes : codes.map((operand) => this.#name(operand));
    if (raw.guard !== undefined) this.#guards.push(raw.guard(named, this.emitter));
    let result = raw.emit(named, this.emitter);
    let bound = raw.bound(operands.map((operand) => operand.bound));
    if (bound > EXACT) {
      result = this.#name(result);
      this.#guards.push(code`Math.abs(${result}) <= ${EXACT}`);
      bound = EXACT;
    }
    const strict = code`${this.emitter.ref(node.operator.run, "run")}(${join(
      [code`${node.at}`, ...operands.map((operand) => operand.strict)],
      code`, `,
    )})`;
    return { raw: result, strict, bound, double: raw.double };
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
      return { raw: code`${node.value.value}`, strict, bound: Math.abs(node.value.value), double: true };
    }
    const { code: value, types, plain } = this.emitter.bound(node);
    if (plain !== true && !this.#checked.has(value.text)) {
      this.#checked.add(value.text);
      this.#guards.push(code`typeof ${value} === "number"`);
    }
    return { raw: value, strict: value, bound: INT32, double: types === T.DOUBLE };
  }

  guards(): Code {
    return this.#guards.length === 0 ? code`true` : join(this.#guards, code` && `);
  }
}

function box(x: number): number | Double {
  return Number.isInteger(x) ? new Double(x) : x;
}

/** Emits a tree of arithmetic whose top is `node`. */
export function emitRaw(emitter: Emitter, node: CallNode, mode: Mode): Typed {
  const tree = new Tree(emitter);
  const { raw, strict, double } = tree.call(node);
  const result = emitter.temporary("r");
  const guards = tree.guards();
  const { result: types } = node.operator;
  if (mode === "loose") {
    emitter.line(code`${result} = ${guards} ? ${raw} : ${strict};`);
  } else if (double) {
    emitter.line(code`${result} = ${guards} ? ${emitter.ref(box, "box")}(${raw}) : ${strict};`);
  } else {
    // Whether an integral result is an integer or a double only the exact way tells.
    const fractional = code`!Number.isInteger(${result} = ${raw})`;
    emitter.line(code`if (!(${guards} && ${fractional})) ${result} = ${strict};`);
  }
  return { code: result, types };
}
