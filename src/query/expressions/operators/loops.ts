/**
 * Loops over arrays in generated code: `$map`, `$filter`, `$reduce`, and `$anyElementTrue`, `$allElementsTrue`
 * and `$size` of them, where no array in between is built.
 */
import { type Code, code } from "../../code.ts";
import { QueryError } from "../../errors.ts";
import { isInt32, truthy, type Value } from "../../values.ts";
import { copiesIn } from "../copies.ts";
import type { Emitter, Typed } from "../emitter.ts";
import { checkSize, growthMark, settle } from "../growth.ts";
import type { CallNode, ExpressionNode, Operator } from "../nodes.ts";
import { asDouble, isNullish, widthOf } from "../numbers.ts";
import { checkVariableName, type Reader, readNamed } from "../parse.ts";
import { cannotFail } from "../properties.ts";
import { ANY, T } from "../types.ts";
import { argument, example, list } from "./describe.ts";
import {
  builds,
  countArray,
  emitLoop,
  emitStream,
  failNoArray,
  hoistFields,
  isFilter,
  isMap,
  present,
  releasing,
} from "./streams.ts";

function emitMap(emitter: Emitter, call: CallNode): Typed {
  const result = emitter.temporary("a");
  const body = argument(call, 1);
  hoistFields(emitter, body, call.level);
  emitter.line(code`${result} = [];`);
  emitStream(emitter, argument(call, 0), {
    at: call.at,
    nullish: () => emitter.line(code`${result} = null;`),
    item: (item) => {
      emitter.withVariables(call.level, [item], () =>
        releasing(emitter, body, () => {
          const { code: value } = present(emitter, body);
          emitter.line(code`${result}.push(${value});`);
          return value;
        }),
      );
    },
  });
  emitter.line(code`if (${result} !== null) { ${emitter.block(() => checkMapped(emitter, call, result))} }`);
  return { code: result, types: T.ARRAY | T.NULL };
}

/** Maps of fewer items are not measured. */
const MANY_ITEMS = 256;

/** Counts a mapped array; many items that each hold the same outside value are measured as written out. */
function checkMapped(emitter: Emitter, call: CallNode, result: Code): void {
  countArray(emitter, result, call.at);
  const variables: number[] = [];
  variables[call.level] = 1;
  const copies = copiesIn(argument(call, 1), { outside: Number.POSITIVE_INFINITY, variables });
  if (Number.isFinite(copies)) return;
  const check = code`${emitter.ref(checkSize, "checkSize")}(${result}, ${call.at});`;
  emitter.line(code`if (${result}.length > ${MANY_ITEMS}) ${check}`);
}

function parseMap(reader: Reader, value: Value, at: string): ExpressionNode {
  const [input, body, as] = readNamed(value, ["input", "in"], ["as"], at);
  const array = reader.read(input ?? null, `${at}.input`);
  const name = variableName(as, `${at}.as`);
  const { level } = reader;
  return reader.call(MAP, [array, reader.readWith([name], body ?? null, `${at}.in`)], at, level);
}

function variableName(as: Value | undefined, at: string): string {
  if (as === undefined) return "this";
  if (typeof as !== "string") throw new QueryError("invalid", at, "needs the name of a variable");
  checkVariableName(as, at);
  return as;
}

const ROWS = [{ mag: 18.5 }, { mag: 19.25 }];

const MAP: Operator = {
  name: "$map",
  category: "array",
  summary: "The array of what an expression yields for each item of an array.",
  arguments: { kind: "own", form: "`{input: array, as: name, in: expression}`; `as` is `this` unless given" },
  result: T.ARRAY | T.NULL,
  example: example({ $map: { input: "$rows", as: "r", in: "$$r.mag" } }, { rows: ROWS }, [18.5, 19.25]),
  parse: parseMap,
  emit: emitMap,
};

/** The limit of a `$filter`; infinite when none is given. */
function readLimit(at: string, value: Value | undefined): number {
  if (isNullish(value)) return Number.POSITIVE_INFINITY;
  const limit = asDouble(value);
  if (widthOf(value) === 0 || !isInt32(limit) || limit < 1) {
    throw new QueryError("runtime", `${at}.limit`, "needs a positive integer within int32");
  }
  return limit;
}

function emitFilter(emitter: Emitter, call: CallNode): Typed {
  const result = emitter.temporary("a");
  const condition = argument(call, 1);
  const limitNode = call.args[2];
  hoistFields(emitter, condition, call.level);
  const limit = emitter.temporary("n");
  emitter.line(code`${result} = [];`);
  const emit = limitNode === undefined ? emitStream : emitLoop;
  emit(emitter, argument(call, 0), {
    at: call.at,
    start: (array) => {
      if (limitNode === undefined) return;
      // The limit of nothing is not computed.
      const set = emitter.block(() => {
        const { code: most } = emitter.bound(limitNode);
        emitter.line(code`${limit} = ${emitter.ref(readLimit, "readLimit")}(${call.at}, ${most});`);
      });
      emitter.line(code`if (${array}.length > 0) { ${set} }`);
    },
    nullish: () => emitter.line(code`${result} = null;`),
    item: (item, exit) => {
      emitter.withVariables(call.level, [item], () =>
        releasing(emitter, condition, () => {
          const full = limitNode === undefined ? code`` : code` if (${result}.length >= ${limit}) ${exit}`;
          emitter.line(code`if (${emitter.condition(condition)}) { ${result}.push(${item.code});${full} }`);
          return code`undefined`;
        }),
      );
    },
  });
  const count = emitter.block(() => countArray(emitter, result, call.at));
  emitter.line(code`if (${result} !== null) ${count}`);
  return { code: result, types: T.ARRAY | T.NULL };
}

function parseFilter(reader: Reader, value: Value, at: string): ExpressionNode {
  const [input, condition, as, limit] = readNamed(value, ["input", "cond"], ["as", "limit"], at);
  const array = reader.read(input ?? null, `${at}.input`);
  const name = variableName(as, `${at}.as`);
  const { level } = reader;
  const test = reader.readWith([name], condition ?? null, `${at}.cond`);
  const most = limit === undefined ? undefined : reader.read(limit, `${at}.limit`);
  return reader.call(FILTER, [array, test, most], at, level);
}

const FILTER: Operator = {
  name: "$filter",
  category: "array",
  summary: "The items of an array for which a condition holds, at most `limit` of them.",
  arguments: {
    kind: "own",
    form: "`{input: array, as: name, cond: condition, limit: n}`; `as` is `this` unless given",
  },
  result: T.ARRAY | T.NULL,
  example: example({ $filter: { input: "$rows", cond: { $lt: ["$$this.mag", 19] } } }, { rows: ROWS }, [
    { mag: 18.5 },
  ]),
  parse: parseFilter,
  emit: emitFilter,
};

/** How often the value of a `$reduce` that may grow is measured, in items. */
const SETTLE_EVERY = 16;

function emitReduce(emitter: Emitter, call: CallNode): Typed {
  const value = emitter.temporary("acc");
  const body = argument(call, 2);
  hoistFields(emitter, body, call.level);
  const initial = emitter.value(argument(call, 1));
  emitter.line(code`${value} = ${initial.code};`);
  const grows = builds(body);
  const mark = emitter.temporary("mark");
  const steps = emitter.temporary("n");
  if (grows) {
    emitter.grows = true;
    emitter.line(code`${mark} = ${emitter.ref(growthMark, "growthMark")}(); ${steps} = 0;`);
  }
  const settled = code`${emitter.ref(settle, "settle")}(${mark}, ${value}, ${call.at});`;
  emitStream(emitter, argument(call, 0), {
    at: call.at,
    nullish: () => emitter.line(code`${value} = null;`),
    item: (item) => {
      const variables = [item, { code: value, types: ANY }];
      emitter.withVariables(call.level, variables, () => {
        emitter.line(code`${value} = ${emitter.value(body).code};`);
      });
      if (grows) emitter.line(code`if (++${steps} % ${SETTLE_EVERY} === 0) ${settled}`);
    },
  });
  if (grows) emitter.line(settled);
  return { code: value, types: ANY };
}

function parseReduce(reader: Reader, value: Value, at: string): ExpressionNode {
  const [input, initial, body] = readNamed(value, ["input", "initialValue", "in"], [], at);
  const array = reader.read(input ?? null, `${at}.input`);
  const start = reader.read(initial ?? null, `${at}.initialValue`);
  const { level } = reader;
  const step = reader.readWith(["this", "value"], body ?? null, `${at}.in`);
  return reader.call(REDUCE, [array, start, step], at, level);
}

const REDUCE: Operator = {
  name: "$reduce",
  category: "array",
  summary: "Combines the items of an array one after the other into one value.",
  arguments: {
    kind: "own",
    form: "`{input: array, initialValue: value, in: expression of $$value and $$this}`",
  },
  result: ANY,
  example: example(
    { $reduce: { input: "$n", initialValue: 0, in: { $add: ["$$value", "$$this"] } } },
    { n: [1, 2, 3] },
    6,
  ),
  parse: parseReduce,
  emit: emitReduce,
};

/** Whether all that a loop over a node computes is certain not to fail, so that it may end early. */
function mayStop(node: ExpressionNode): boolean {
  if (!isMap(node) && !isFilter(node)) return true;
  return cannotFail(argument(node, 1)) && mayStop(argument(node, 0));
}

/** `$anyElementTrue` and `$allElementsTrue`: `decides` is the truth of an item that settles the matter. */
function elements(name: "$anyElementTrue" | "$allElementsTrue"): Operator {
  const decides = name === "$anyElementTrue";
  const condition = (emitter: Emitter, call: CallNode): Code => {
    const result = emitter.temporary("c");
    const input = argument(call, 0);
    if (isMap(input) || isFilter(input)) hoistFields(emitter, argument(input, 1), input.level);
    const early = mayStop(input);
    emitter.line(code`${result} = ${!decides};`);
    const mapped = isMap(input) ? input : undefined;
    const source = mapped === undefined ? input : argument(mapped, 0);
    emitStream(emitter, source, {
      at: mapped === undefined ? call.at : mapped.at,
      nullish: () => emitter.line(code`${emitter.ref(failNoArray, "failNoArray")}(${call.at}, null);`),
      item: (item, exit) => {
        const settle = early ? code`{ ${result} = ${decides}; ${exit} }` : code`${result} = ${decides};`;
        const test = (truth: Code) =>
          emitter.line(code`if (${decides ? truth : code`!(${truth})`}) ${settle}`);
        if (mapped === undefined) test(emitter.truth(item));
        else {
          const body = argument(mapped, 1);
          emitter.withVariables(mapped.level, [item], () =>
            releasing(emitter, body, () => {
              test(emitter.condition(body));
              return code`undefined`;
            }),
          );
        }
      },
    });
    return result;
  };
  return {
    name,
    category: "set",
    summary: decides
      ? "Whether some item of an array counts as true."
      : "Whether every item of an array counts as true.",
    arguments: list(1),
    result: T.BOOL,
    example: example({ [name]: ["$flags"] }, { flags: [true, 0] }, decides),
    run: (at, array) => {
      if (!Array.isArray(array)) return failNoArray(at, array);
      return decides ? array.some(truthy) : array.every(truthy);
    },
    condition,
  };
}

function emitSize(emitter: Emitter, call: CallNode): Typed {
  let input = argument(call, 0);
  // The length of a map is that of its input.
  while (isMap(input) && cannotFail(argument(input, 1))) {
    input = argument(input, 0);
  }
  if (!isMap(input) && !isFilter(input)) {
    const { code: array, types } = emitter.named(input);
    const wrong = code`${emitter.ref(failNoArray, "failNoArray")}(${call.at}, ${array})`;
    const length = code`${array}.length`;
    return {
      code: types === T.ARRAY ? length : code`(Array.isArray(${array}) ? ${length} : ${wrong})`,
      types: T.INT,
      plain: true,
    };
  }
  hoistFields(emitter, argument(input, 1), input.level);
  const count = emitter.temporary("n");
  emitter.line(code`${count} = 0;`);
  emitStream(emitter, input, {
    at: call.at,
    nullish: () => emitter.line(code`${emitter.ref(failNoArray, "failNoArray")}(${call.at}, null);`),
    item: () => emitter.line(code`${count}++;`),
  });
  return { code: count, types: T.INT, plain: true };
}

const SIZE: Operator = {
  name: "$size",
  category: "array",
  summary: "The number of items of an array.",
  arguments: list(1),
  result: T.INT,
  example: example({ $size: "$rows" }, { rows: ROWS }, 2),
  run: (at, array) => (Array.isArray(array) ? array.length : failNoArray(at, array)),
  emit: emitSize,
};

export const loopOperators: readonly Operator[] = [
  MAP,
  FILTER,
  REDUCE,
  elements("$anyElementTrue"),
  elements("$allElementsTrue"),
  SIZE,
];
