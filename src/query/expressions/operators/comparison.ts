/** `$eq $ne $lt $lte $gt $gte $cmp`: BSON's order across all types; numbers are compared in place. */
import { Double } from "bson";
import { type Code, code } from "../../code.ts";
import { compareValues, equalValues } from "../../order.ts";
import type { Value } from "../../values.ts";
import type { Emitter, Typed } from "../emitter.ts";
import type { CallNode, Operator } from "../nodes.ts";
import { T } from "../types.ts";
import { argument, example, list } from "./describe.ts";

type Relation = "eq" | "ne" | "lt" | "lte" | "gt" | "gte";

const SUMMARIES: Record<Relation, string> = {
  eq: "Whether two values are equal",
  ne: "Whether two values differ",
  lt: "Whether the first value comes before the second",
  lte: "Whether the first value comes before the second or equals it",
  gt: "Whether the first value comes after the second",
  gte: "Whether the first value comes after the second or equals it",
};

const HOLDS: Record<Relation, (order: number) => boolean> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
  gt: (order) => order > 0,
  gte: (order) => order >= 0,
};

/** The test of an order, as code. */
const SYMBOLS: Record<Relation, Code> = {
  eq: code`===`,
  ne: code`!==`,
  lt: code`<`,
  lte: code`<=`,
  gt: code`>`,
  gte: code`>=`,
};

/** The relation that holds where this one does not. */
const OPPOSITE: Record<Relation, Relation> = {
  eq: "ne",
  ne: "eq",
  lt: "gte",
  gte: "lt",
  gt: "lte",
  lte: "gt",
};

/** Compares two JavaScript numbers; NaN comes before all others and equals itself. */
function compareInPlace(relation: Relation, a: Typed, b: Typed): Code {
  const x = a.code;
  const y = b.code;
  const plain = (r: Relation) => code`${x} ${SYMBOLS[r]} ${y}`;
  // A comparison with NaN is false, so a constant on one side tells which form is right for NaN on the other.
  if (b.constant !== undefined) {
    return relation === "lt" || relation === "lte" ? code`!(${plain(OPPOSITE[relation])})` : plain(relation);
  }
  if (a.constant !== undefined) {
    return relation === "gt" || relation === "gte" ? code`!(${plain(OPPOSITE[relation])})` : plain(relation);
  }
  const nanX = code`${x} !== ${x}`;
  const nanY = code`${y} !== ${y}`;
  switch (relation) {
    case "eq":
      return code`(${plain("eq")} || (${nanX} && ${nanY}))`;
    case "ne":
      return code`(${plain("ne")} && !(${nanX} && ${nanY}))`;
    case "lt":
      return code`(${plain("lt")} || (${nanX} && ${y} === ${y}))`;
    case "gt":
      return code`(${plain("gt")} || (${nanY} && ${x} === ${x}))`;
    case "lte":
      return code`(${plain("lte")} || ${nanX})`;
    case "gte":
      return code`(${plain("gte")} || ${nanY})`;
  }
}

function condition(relation: Relation): (emitter: Emitter, call: CallNode) => Code {
  const equality = relation === "eq" || relation === "ne";
  return (emitter, call) => {
    const a = emitter.bind(emitter.emit(argument(call, 0), "loose"));
    const b = emitter.bind(emitter.emit(argument(call, 1), "loose"));
    if (equality) {
      const same = code`${a.code} ${SYMBOLS[relation]} ${b.code}`;
      for (const side of [a, b]) {
        if (side.types === T.BOOL || side.types === T.NULL || side.types === T.MISSING)
          return code`(${same})`;
      }
    }
    const order = code`${emitter.ref(compareValues, "compareValues")}(${a.code}, ${b.code})`;
    const slow = code`${order} ${SYMBOLS[relation]} 0`;
    if (equality && (a.types === T.STRING || b.types === T.STRING)) {
      const other = a.types === T.STRING ? b : a;
      const same = code`${a.code} ${SYMBOLS[relation]} ${b.code}`;
      return code`(typeof ${other.code} === "string" ? ${same} : ${slow})`;
    }
    const checks = [a, b].filter((side) => !side.plain).map((side) => code`typeof ${side.code} === "number"`);
    const fast = compareInPlace(relation, a, b);
    const [first, second] = checks;
    if (first === undefined) return code`(${fast})`;
    const numbers = second === undefined ? first : code`${first} && ${second}`;
    return code`(${numbers} ? ${fast} : ${slow})`;
  };
}

function comparison(relation: Relation): Operator {
  const holds = HOLDS[relation];
  const samples: Record<Relation, boolean> = {
    eq: false,
    ne: true,
    lt: false,
    lte: false,
    gt: true,
    gte: true,
  };
  const run =
    relation === "eq"
      ? (_at: string, a: Value | undefined, b: Value | undefined) => equalValues(a, b)
      : (_at: string, a: Value | undefined, b: Value | undefined) => holds(compareValues(a, b));
  return {
    name: `$${relation}`,
    category: "comparison",
    summary: `${SUMMARIES[relation]}, in BSON's order of types and values.`,
    arguments: list(2),
    result: T.BOOL,
    example: example({ [`$${relation}`]: ["$drb", 0.9] }, { drb: 0.97 }, samples[relation]),
    run,
    condition: condition(relation),
    safe: true,
  };
}

export const comparisonOperators: readonly Operator[] = [
  comparison("eq"),
  comparison("ne"),
  comparison("lt"),
  comparison("lte"),
  comparison("gt"),
  comparison("gte"),
  {
    name: "$cmp",
    category: "comparison",
    summary: "−1, 0 or 1 as the first value comes before, equals or comes after the second in BSON's order.",
    arguments: list(2),
    result: T.INT,
    example: example({ $cmp: ["$a", "$b"] }, { a: 1, b: new Double(2) }, -1),
    run: (_at, a, b) => Math.sign(compareValues(a, b)),
    safe: true,
  },
];
