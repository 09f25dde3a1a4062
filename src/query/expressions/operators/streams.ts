/** Loops over arrays as generated code, in which `$map` and `$filter` need no arrays of their own. */
import { type Code, code } from "../../code.ts";
import { tick } from "../../deadline.ts";
import type { Value } from "../../values.ts";
import type { Emitter, Typed } from "../emitter.ts";
import { grow, growthMark, ITEM_BYTES, release } from "../growth.ts";
import type { CallNode, ExpressionNode, FieldNode } from "../nodes.ts";
import { wrongType } from "../numbers.ts";
import { PRESENT, T } from "../types.ts";
import { argument } from "./describe.ts";

/** What is done with an array, as statements. */
export interface Consumer {
  /** Before the first item, once there is an array. */
  readonly start?: (array: Code) => void;
  /** Each item; `exit` leaves the loop. */
  readonly item: (item: Typed, exit: Code) => void;
  /** An array that is null or missing. */
  readonly nullish: () => void;
  /** What is said of anything else. */
  readonly at: string;
}

/** Fails because what should be an array is something else. */
export function failNoArray(at: string, value: Value | undefined): never {
  throw wrongType(at, "an array", value);
}

/** Whether a node is a `$map`: its arguments are the input and the expression of each item. */
export function isMap(node: ExpressionNode): node is CallNode {
  return node.kind === "call" && node.operator.name === "$map";
}

/** Whether a node is a `$filter` without limit: its arguments are the input and the condition. */
export function isFilter(node: ExpressionNode): node is CallNode {
  return node.kind === "call" && node.operator.name === "$filter" && node.args[2] === undefined;
}

/** Emits a loop over what an expression yields; `$map` and `$filter` become part of the loop. */
export function emitStream(emitter: Emitter, node: ExpressionNode, consumer: Consumer): void {
  const filter = isFilter(node) ? node : undefined;
  if (isMap(node)) {
    const [input, body] = [argument(node, 0), argument(node, 1)];
    emitStream(emitter, input, {
      ...consumer,
      at: node.at,
      item: (item, exit) => {
        consumer.item(
          emitter.withVariables(node.level, [item], () => present(emitter, body)),
          exit,
        );
      },
    });
  } else if (filter !== undefined) {
    const [input, condition] = [argument(filter, 0), argument(filter, 1)];
    emitStream(emitter, input, {
      ...consumer,
      at: filter.at,
      item: (item, exit) => {
        const test = emitter.withVariables(filter.level, [item], () => emitter.condition(condition));
        emitter.line(code`if (${test}) { ${emitter.block(() => consumer.item(item, exit))} }`);
      },
    });
  } else emitLoop(emitter, node, consumer);
}

/** The value of an expression as an item of an array: null where it is missing. */
export function present(emitter: Emitter, node: ExpressionNode): Typed {
  const value = emitter.value(node);
  if ((value.types & T.MISSING) === 0) return emitter.bind(value);
  const types = (value.types & ~T.MISSING) | T.NULL;
  return emitter.bind({ code: code`(${value.code} ?? null)`, types });
}

export function emitLoop(emitter: Emitter, node: ExpressionNode, consumer: Consumer): void {
  const { code: array, types } = emitter.named(node);
  const index = emitter.temporary("i");
  const item = emitter.temporary("item");
  const exit = emitter.scope.name("loop");
  const body = emitter.block(() => {
    emitter.line(code`${item} = ${array}[${index}];`);
    consumer.item({ code: item, types: PRESENT }, code`break ${exit};`);
  });
  const start = emitter.block(() => consumer.start?.(array));
  const loop = code`${start}
${emitter.ref(tick, "tick")}(${array}.length);
${exit}: for (${index} = 0; ${index} < ${array}.length; ${index}++) { ${body} }`;
  if (types === T.ARRAY) {
    emitter.line(loop);
    return;
  }
  const nullish = emitter.block(consumer.nullish);
  const wrong = code`${emitter.ref(failNoArray, "failNoArray")}(${consumer.at}, ${array});`;
  emitter.line(code`if (Array.isArray(${array})) { ${loop} }
else if (${array} === null || ${array} === undefined) { ${nullish} }
else ${wrong}`);
}

/** Reads what does not change in a loop before it: fields of the document and of outer variables. */
export function hoistFields(emitter: Emitter, node: ExpressionNode, level: number): void {
  switch (node.kind) {
    case "field":
      if (isOutside(node.from, level)) {
        emitter.value(node);
      }
      break;
    case "object":
      for (const [, value] of node.fields) hoistFields(emitter, value, level);
      break;
    case "array":
      for (const item of node.items) hoistFields(emitter, item, level);
      break;
    case "call":
      for (const arg of node.args) if (arg !== undefined) hoistFields(emitter, arg, level);
      break;
    default:
      break;
  }
}

function isOutside(from: FieldNode["from"], level: number): boolean {
  return from.kind === "root" || from.kind === "slot" || (from.kind === "variable" && from.level < level);
}

/** Whether computing a node makes arrays, objects or texts that count against the bound of growth. */
export function builds(node: ExpressionNode): boolean {
  if (node.kind === "object" || node.kind === "array") return true;
  if (node.kind !== "call") return false;
  const { result, grows } = node.operator;
  // Operators that may yield anything pass on what others made.
  const makes = (result & T.OTHER) === 0 && (result & (T.ARRAY | T.OBJECT)) !== 0;
  return grows === true || makes || node.args.some((arg) => arg !== undefined && builds(arg));
}

/** Emits `emit` as the body of a loop whose garbage is taken back; `value` is what it leaves. */
export function releasing(emitter: Emitter, body: ExpressionNode, emit: () => Code): void {
  if (!builds(body)) {
    emit();
    return;
  }
  emitter.grows = true;
  // Of an object nothing is garbage.
  if (body.kind === "object") {
    emit();
    return;
  }
  const mark = emitter.temporary("mark");
  emitter.line(code`${mark} = ${emitter.ref(growthMark, "growthMark")}();`);
  const value = emit();
  emitter.line(code`${emitter.ref(release, "release")}(${mark}, ${value});`);
}

/** Counts a built array against the bound of growth. */
export function countArray(emitter: Emitter, array: Code, at: string): void {
  emitter.grows = true;
  emitter.line(code`${emitter.ref(grow, "grow")}(${array}.length * ${ITEM_BYTES}, ${at});`);
}
