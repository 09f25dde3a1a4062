/** `$let` and `$literal`. */
import { code } from "../../code.ts";
import { QueryError } from "../../errors.ts";
import { isDocument, type Value } from "../../values.ts";
import { copiesIn, FEW_COPIES } from "../copies.ts";
import type { Emitter, Mode, Typed } from "../emitter.ts";
import { checkSize } from "../growth.ts";
import type { CallNode, ExpressionNode, Operator } from "../nodes.ts";
import { checkVariableName, type Reader, readNamed } from "../parse.ts";
import { ANY } from "../types.ts";
import { argument, example } from "./describe.ts";

function parseLet(reader: Reader, value: Value, at: string): ExpressionNode {
  const [vars, body] = readNamed(value, ["vars", "in"], [], at);
  if (!isDocument(vars)) throw new QueryError("invalid", `${at}.vars`, "needs an object of variables");
  const names = Object.keys(vars);
  const values = names.map((name) => {
    checkVariableName(name, `${at}.vars`);
    return reader.read(vars[name] ?? null, `${at}.vars.${name}`);
  });
  const { level } = reader;
  const inside = reader.readWith(names, body ?? null, `${at}.in`);
  return reader.call(LET, [...values, inside], at, level);
}

function emitLet(emitter: Emitter, call: CallNode, mode: Mode): Typed {
  const values = call.args.slice(0, -1).map((_, i) => emitter.bound(argument(call, i)));
  const body = argument(call, call.args.length - 1);
  const result = emitter.withVariables(call.level, values, () => emitter.bind(emitter.emit(body, mode)));
  if (copiesIn(call, { outside: 1, variables: [] }) > FEW_COPIES) {
    emitter.line(code`${emitter.ref(checkSize, "checkSize")}(${result.code}, ${call.at});`);
  }
  return result;
}

const LET: Operator = {
  name: "$let",
  category: "variable",
  summary: "Binds variables and computes an expression in which they are in sight.",
  arguments: { kind: "own", form: "`{vars: {name: …, …}, in: …}`" },
  result: ANY,
  example: example(
    { $let: { vars: { colour: { $subtract: ["$g", "$r"] } }, in: { $gt: ["$$colour", 0] } } },
    { g: 18.5, r: 18.25 },
    true,
  ),
  parse: parseLet,
  emit: emitLet,
  safe: true,
};

export const variableOperators: readonly Operator[] = [
  LET,
  {
    name: "$literal",
    category: "variable",
    summary: "A value as it stands, not read as an expression.",
    arguments: { kind: "own", form: "any value" },
    result: ANY,
    example: example({ $literal: "$1" }, {}, "$1"),
    parse: (_reader, value) => Object.freeze({ kind: "constant", value }),
    safe: true,
  },
];
