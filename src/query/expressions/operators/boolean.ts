/** `$and $or $not`: operands are looked at in turn, only as far as needed. */
import { type Code, code } from "../../code.ts";
import { truthy } from "../../values.ts";
import type { Emitter } from "../emitter.ts";
import type { ExpressionNode, Operator } from "../nodes.ts";
import type { Reader } from "../parse.ts";
import { T } from "../types.ts";
import { argument, example, list } from "./describe.ts";

/** Emits `a && b && …` (or `||`): each operand's statements run only when it is looked at. */
function emitLogical(
  emitter: Emitter,
  operands: readonly (ExpressionNode | undefined)[],
  every: boolean,
): Code {
  const [first, ...others] = operands;
  if (first === undefined) return code`${every}`;
  if (others.length === 0) return emitter.condition(first);
  const result = emitter.temporary("c");
  emitter.line(code`${result} = ${emitter.condition(first)};`);
  emitRest(emitter, others, every, result);
  return result;
}

/** Later operands stand in the blocks of earlier ones, and so know what these computed. */
function emitRest(
  emitter: Emitter,
  operands: readonly (ExpressionNode | undefined)[],
  every: boolean,
  result: Code,
): void {
  const [next, ...others] = operands;
  if (next === undefined) return;
  const block = emitter.block(() => {
    emitter.line(code`${result} = ${emitter.condition(next)};`);
    emitRest(emitter, others, every, result);
  });
  emitter.line(code`if (${every ? result : code`!${result}`}) { ${block} }`);
}

/** Longer lists are emitted in groups, since each operand nests in the one before. */
const MAX_NESTED = 40;

function logical(name: "$and" | "$or"): Operator {
  const every = name === "$and";
  const operator: Operator = {
    name,
    category: "boolean",
    summary: every
      ? "Whether all operands count as true; later ones are not computed once one is not."
      : "Whether some operand counts as true; later ones are not computed once one is.",
    arguments: list(0, Infinity),
    result: T.BOOL,
    example: example({ [name]: ["$a", { $gt: ["$b", 1] }] }, { a: 1, b: 1 }, !every),
    run: (_at, ...args) => (every ? args.every(truthy) : args.some(truthy)),
    condition: (emitter, call) => emitLogical(emitter, call.args, every),
    parse: (reader, value, at) => {
      const items = Array.isArray(value) ? value : [value];
      const operands = items.map((item, i) => reader.read(item, items.length > 1 ? `${at}[${i}]` : at));
      return combine(reader, operator, operands, at);
    },
    safe: true,
  };
  return operator;
}

/** Leaves out operands that decide nothing; long lists become lists of lists. */
function combine(
  reader: Reader,
  operator: Operator,
  operands: readonly ExpressionNode[],
  at: string,
): ExpressionNode {
  if (operands.length > MAX_NESTED) {
    const size = Math.max(MAX_NESTED, Math.ceil(operands.length / MAX_NESTED));
    const groups: ExpressionNode[] = [];
    for (let i = 0; i < operands.length; i += size) {
      groups.push(combine(reader, operator, operands.slice(i, i + size), at));
    }
    return reader.call(operator, groups, at);
  }
  // A constant that decides makes the whole constant.
  const decides = operator.name === "$or";
  if (operands.some((item) => item.kind === "constant" && truthy(item.value) === decides)) {
    return Object.freeze({ kind: "constant", value: decides });
  }
  const open = operands.filter((item) => item.kind !== "constant");
  return reader.call(operator, open, at);
}

export const booleanOperators: readonly Operator[] = [
  logical("$and"),
  logical("$or"),
  {
    name: "$not",
    category: "boolean",
    summary: "Whether the operand does not count as true (false, null, missing and zero do not).",
    arguments: list(1),
    result: T.BOOL,
    example: example({ $not: ["$bogus"] }, { bogus: false }, true),
    run: (_at, value) => !truthy(value),
    condition: (emitter, call) => code`!(${emitter.condition(argument(call, 0))})`,
    safe: true,
  },
];
