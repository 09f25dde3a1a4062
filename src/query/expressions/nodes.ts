/** The nodes that expressions are read into, and how an operator describes itself. */
import type { Code } from "../code.ts";
import type { Document, Value } from "../values.ts";
import type { Emitter, Mode, Typed } from "./emitter.ts";
import type { Reader } from "./parse.ts";

/** A value known when the expression is read; `undefined` is a missing one (`$$REMOVE`). */
export interface ConstantNode {
  readonly kind: "constant";
  readonly value: Value | undefined;
}

/** The document that the expression is evaluated on. */
export interface RootNode {
  readonly kind: "root";
}

/** A variable bound inside the expression, by the number of variables bound outside of it. */
export interface VariableNode {
  readonly kind: "variable";
  readonly level: number;
}

/** A variable given at run time: `NOW`, those of a `$lookup`. */
export interface ExternalNode {
  readonly kind: "external";
  readonly name: string;
}

/** What was computed before, in the same function: by an earlier stage of a pipeline. */
export interface SlotNode {
  readonly kind: "slot";
  readonly slot: number;
}

/** A path of fields; arrays on the way are mapped over. */
export interface FieldNode {
  readonly kind: "field";
  readonly from: RootNode | VariableNode | ExternalNode | SlotNode;
  readonly parts: readonly string[];
}

export interface ObjectNode {
  readonly kind: "object";
  readonly fields: readonly (readonly [name: string, value: ExpressionNode])[];
}

export interface ArrayNode {
  readonly kind: "array";
  readonly items: readonly ExpressionNode[];
}

/** An operator applied to arguments, in the order of its description; `undefined` where one is not given. */
export interface CallNode {
  readonly kind: "call";
  readonly operator: Operator;
  readonly args: readonly (ExpressionNode | undefined)[];
  /** Where the operator stands in the query. */
  readonly at: string;
  /** For operators that bind variables: the level of the first. */
  readonly level: number;
}

export type ExpressionNode =
  | ConstantNode
  | RootNode
  | VariableNode
  | ExternalNode
  | SlotNode
  | FieldNode
  | ObjectNode
  | ArrayNode
  | CallNode;

/** How the arguments of an operator are given. */
export type ArgumentSpec =
  /** As a list (a single argument also without brackets); the greatest number may be Infinity. */
  | { readonly kind: "list"; readonly min: number; readonly max: number }
  /** As an object with these names, of which some must be there. */
  | { readonly kind: "named"; readonly required: readonly string[]; readonly optional: readonly string[] }
  /** In a way of its own, in words, e.g. `{vars: {name: expression, …}, in: expression}`. */
  | { readonly kind: "own"; readonly form: string };

export interface OperatorExample {
  readonly expression: Value;
  readonly document: Document;
  /** Absent when the expression yields no value. */
  readonly result?: Value;
}

/** Code of plain JavaScript numbers, valid where all operands are `number`s. */
export interface RawArithmetic {
  /** Whether the result is a double: always, when some operand is one, or when the first is one. */
  readonly double: "always" | "some" | "first";
  readonly emit: (operands: readonly Code[], emitter: Emitter) => Code;
  /** A condition without which the result of `emit`, or its operands, need the exact way. */
  readonly guard?: (operands: readonly Code[], emitter: Emitter) => Code;
  /** How large an integral result can be when operands are at most this large. */
  readonly bound: (operands: readonly number[]) => number;
  /** How many operands the raw form takes. */
  readonly operands: (count: number) => boolean;
}

/** The families of operators, as the manual groups them. */
export type OperatorCategory =
  | "accumulator"
  | "arithmetic"
  | "array"
  | "boolean"
  | "comparison"
  | "conditional"
  | "date"
  | "miscellaneous"
  | "object"
  | "set"
  | "string"
  | "timestamp"
  | "trigonometry"
  | "type"
  | "variable";

/** Computes an operator: `at` is for errors, arguments are in the order of its description. */
export type Run = (at: string, ...args: (Value | undefined)[]) => Value | undefined;

/** Computes an operator whose arguments, where given, are constants. */
export type Fold = (at: string, args: readonly (ConstantNode | undefined)[]) => Value | undefined;

/** What an operator is: enough to read it, run it, compile it and document it. */
export interface Operator {
  readonly name: string;
  readonly category: OperatorCategory;
  /** A sentence for the reference. */
  readonly summary: string;
  readonly arguments: ArgumentSpec;
  /** Types that a result can have. */
  readonly result: number;
  readonly example: OperatorExample;
  /** The meaning: `at` is for errors, arguments in the order of the description. */
  readonly run?: Run;
  /** In place of `run` on constants, where an argument that is missing is not the same as none. */
  readonly fold?: Fold;
  /** Reads arguments given in a way of their own. */
  readonly parse?: (reader: Reader, value: Value, at: string) => ExpressionNode;
  /** Checks of constant arguments when the expression is read; throws QueryErrors. */
  readonly check?: (args: readonly (ExpressionNode | undefined)[], at: string) => void;
  /** Code in place of a call of `run`. */
  readonly emit?: (emitter: Emitter, call: CallNode, mode: Mode) => Typed;
  /** Code of a condition, for operators that yield a boolean. */
  readonly condition?: (emitter: Emitter, call: CallNode) => Code;
  readonly raw?: RawArithmetic;
  /** Whether it can fail on some values. Unless said, it can. */
  readonly safe?: boolean;
  /** Later operands are not computed once one (`each`), the first (`first`) or one of the first two (`pair`) is null. */
  readonly stopsAtNull?: "each" | "first" | "pair";
  /**
   * What the server leaves to run time, with its errors, even where all is constant: the operator (`operands`
   * are folded) or its operands too (`nothing` is folded).
   */
  readonly folds?: "operands" | "nothing";
  /** Whether it makes long texts, which count against the bound of growth as arrays and objects do. */
  readonly grows?: boolean;
  /** Whether the same arguments can give different results. */
  readonly volatile?: boolean;
  /** Operands may be regrouped (and, where `commutes`, moved), which the server does to fold constants. */
  readonly regroup?: "associates" | "commutes";
  /** Only some ways to give it are supported; says which not. */
  readonly limits?: string;
}
