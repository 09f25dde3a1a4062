/** Operators with `onNull` and `onError`: expressions that are computed only when they are needed. */
import { code } from "../../code.ts";
import type { Value } from "../../values.ts";
import { ConversionError } from "../conversion.ts";
import type { Emitter, Mode, Typed } from "../emitter.ts";
import type { CallNode, Fold } from "../nodes.ts";
import { ANY } from "../types.ts";
import { argument } from "./describe.ts";

/** What an attempt yields where the input is null or missing. */
export const NO_INPUT = Symbol("no input");
/** What it yields where it failed and somebody has an answer to that. */
const FAILED = Symbol("failed");

/** Computes the operator but for its fallbacks. */
export type Attempt = (at: string, ...args: (Value | undefined)[]) => Value | undefined | typeof NO_INPUT;

/** An attempt whose failure is a value. */
function catching(attempt: Attempt) {
  return (at: string, ...args: (Value | undefined)[]) => {
    try {
      return attempt(at, ...args);
    } catch (error) {
      if (error instanceof ConversionError) return FAILED;
      throw error;
    }
  };
}

/** How an operator falls back: which of its arguments say so, after those of the attempt. */
export interface Fallbacks {
  readonly attempt: Attempt;
  /** How many arguments, from the first, the attempt takes. */
  readonly inputs: number;
  readonly onNull?: number;
  readonly onError?: number;
}

/** Emits an attempt and what is done where it yields nothing. */
export function emitFallback(emitter: Emitter, call: CallNode, mode: Mode, fallbacks: Fallbacks): Typed {
  const { attempt, inputs, onNull, onError } = fallbacks;
  const given = (index: number | undefined) => index !== undefined && call.args[index] !== undefined;
  const run = given(onError) ? catching(attempt) : attempt;
  const args = call.args.slice(0, inputs).map((arg, i) => {
    if (arg === undefined) return code`undefined`;
    const { code: value } = emitter.bound(arg);
    return i === 0 ? value : code`(${value} ?? null)`;
  });
  const result = emitter.temporary("b");
  const values = args.reduce((all, arg) => code`${all}, ${arg}`, code`${call.at}`);
  emitter.line(code`${result} = ${emitter.ref(run, "attempt")}(${values});`);
  const branch = (index: number | undefined) =>
    emitter.block(() => {
      const value = given(index) ? emitter.emit(argument(call, index ?? 0), mode).code : code`null`;
      emitter.line(code`${result} = ${value};`);
    });
  emitter.line(code`if (${result} === ${emitter.ref(NO_INPUT, "none")}) { ${branch(onNull)} }`);
  if (given(onError)) {
    emitter.line(code`else if (${result} === ${emitter.ref(FAILED, "failed")}) { ${branch(onError)} }`);
  }
  return { code: result, types: ANY };
}

/** The operator on constants: those of its arguments that are given, which may be missing values. */
export function foldFallback({ attempt, inputs, onNull, onError }: Fallbacks): Fold {
  return (at, args) => {
    const instead = (index: number | undefined) => (index === undefined ? undefined : args[index]);
    const values = args.slice(0, inputs).map((arg, i) => (i === 0 ? arg?.value : arg && (arg.value ?? null)));
    try {
      const result = attempt(at, ...values);
      if (typeof result !== "symbol") return result;
      const fallback = instead(onNull);
      return fallback === undefined ? null : fallback.value;
    } catch (error) {
      const fallback = instead(onError);
      if (error instanceof ConversionError && fallback !== undefined) return fallback.value;
      throw error;
    }
  };
}
