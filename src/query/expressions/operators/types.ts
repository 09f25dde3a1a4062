/** `$convert`, `$toInt` and its like, `$type`, `$isNumber`; sizes of values; parts of timestamps; `$rand`. */
import { Binary, calculateObjectSize, Double, ObjectId, Timestamp } from "bson";
import { code } from "../../code.ts";
import { tick } from "../../deadline.ts";
import { QueryError } from "../../errors.ts";
import { isDocument, type TypeName, typeOf, type Value } from "../../values.ts";
import { convert, convertOrNull, readTarget } from "../conversion.ts";
import type { Operator, OperatorExample } from "../nodes.ts";
import { isNullish, widthOf, wrongType } from "../numbers.ts";
import { byteLength } from "../text.ts";
import { ANY, T } from "../types.ts";
import { argument, example, list, named } from "./describe.ts";
import { emitFallback, type Fallbacks, foldFallback, NO_INPUT } from "./fallback.ts";

const CONVERT_FALLBACKS: Fallbacks = { attempt: attemptConvert, inputs: 2, onError: 2, onNull: 3 };

const CONVERT: Operator = {
  name: "$convert",
  category: "type",
  summary: "A value converted to another type, with values for what is null or cannot be converted.",
  arguments: named(["input", "to"], ["onError", "onNull"]),
  result: ANY,
  example: example({ $convert: { input: "$x", to: "int", onError: -1 } }, { x: "five" }, -1),
  fold: foldFallback(CONVERT_FALLBACKS),
  emit: (emitter, call, mode) => emitFallback(emitter, call, mode, CONVERT_FALLBACKS),
};

function attemptConvert(at: string, input: Value | undefined, to: Value | undefined) {
  const target = isNullish(to) ? undefined : readTarget(at, to);
  if (isNullish(input)) return NO_INPUT;
  return target === undefined ? null : convert(at, input, target);
}

function conversion(name: string, target: TypeName, result: number, sample: OperatorExample): Operator {
  return {
    name,
    category: "type",
    summary: `A value converted to ${target}; null of null and missing.`,
    arguments: list(1),
    result: result | T.NULL,
    example: sample,
    run: (at, value) => convertOrNull(at, value, target),
  };
}

function timestampPart(name: "$tsSecond" | "$tsIncrement"): Operator {
  const seconds = name === "$tsSecond";
  return {
    name,
    category: "timestamp",
    summary: `The ${seconds ? "seconds" : "counter"} of a timestamp.`,
    arguments: list(1),
    result: T.LONG | T.NULL,
    example: example(
      { [name]: "$ts" },
      { ts: new Timestamp({ t: 1600000000, i: 3 }) },
      seconds ? 1600000000n : 3n,
    ),
    run: (at, value) => {
      if (isNullish(value)) return null;
      if (!(value instanceof Timestamp)) throw wrongType(at, "a timestamp", value);
      return BigInt(seconds ? value.t : value.i);
    },
  };
}

function binarySize(at: string, value: Value | undefined): Value {
  if (isNullish(value)) return null;
  if (typeof value === "string") {
    tick(value.length >> 6);
    return byteLength(value);
  }
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof Binary) return value.length();
  throw wrongType(at, "a string or bytes", value);
}

function bsonSize(at: string, value: Value | undefined): Value {
  if (isNullish(value)) return null;
  if (!isDocument(value)) throw wrongType(at, "an object", value);
  const size = calculateObjectSize(value);
  tick(size >> 4);
  return size;
}

function needNothing(args: readonly unknown[], at: string): void {
  if (args.length > 0) throw new QueryError("invalid", at, "takes no arguments; write {}");
}

const RAND: Operator = {
  name: "$rand",
  category: "miscellaneous",
  summary: "A random double from 0 to below 1, another one for each document.",
  arguments: { kind: "own", form: "`{}`" },
  result: T.DOUBLE,
  example: example({ $lt: [{ $rand: {} }, 1] }, {}, true),
  parse: (reader, value, at) => {
    needNothing(Array.isArray(value) ? value : isDocument(value) ? Object.keys(value) : [value], at);
    return reader.call(RAND, [], at);
  },
  run: () => Math.random(),
  volatile: true,
  safe: true,
};

export const typeOperators: readonly Operator[] = [
  CONVERT,
  conversion("$toBool", "bool", T.BOOL, example({ $toBool: "$x" }, { x: 0 }, false)),
  conversion(
    "$toDate",
    "date",
    T.DATE,
    example({ $toDate: "$x" }, { x: "2020-01-02T03:04:05Z" }, new Date("2020-01-02T03:04:05Z")),
  ),
  conversion(
    "$toDecimal",
    "decimal",
    T.DECIMAL,
    example({ $eq: [{ $toDecimal: "$x" }, 1] }, { x: "1.0" }, true),
  ),
  conversion("$toDouble", "double", T.DOUBLE, example({ $toDouble: "$x" }, { x: "18.5" }, 18.5)),
  conversion("$toInt", "int", T.INT, example({ $toInt: "$x" }, { x: 18.9 }, 18)),
  conversion(
    "$toLong",
    "long",
    T.LONG,
    example({ $toLong: "$x" }, { x: "1127561440015015001" }, 1127561440015015001n),
  ),
  conversion(
    "$toObjectId",
    "objectId",
    T.OTHER,
    example(
      { $toObjectId: "$x" },
      { x: "5f3b1c2d4e5f6a7b8c9d0e1f" },
      new ObjectId("5f3b1c2d4e5f6a7b8c9d0e1f"),
    ),
  ),
  conversion(
    "$toString",
    "string",
    T.STRING,
    example({ $toString: "$x" }, { x: 1127561440015015001n }, "1127561440015015001"),
  ),
  {
    name: "$isNumber",
    category: "type",
    summary: "Whether a value is an int, long, double or decimal.",
    arguments: list(1),
    result: T.BOOL,
    example: example({ $isNumber: "$x" }, { x: new Double(1) }, true),
    run: (_at, value) => widthOf(value) !== 0,
    condition: (emitter, call) => {
      const { code: value } = emitter.bound(argument(call, 0));
      return code`(typeof ${value} === "number" || ${emitter.ref(widthOf, "widthOf")}(${value}) !== 0)`;
    },
    safe: true,
  },
  {
    name: "$type",
    category: "type",
    summary: "The name of a value's type, `missing` of none.",
    arguments: list(1),
    result: T.STRING,
    example: example({ $type: "$x" }, { x: 5n }, "long"),
    run: (_at, value) => typeOf(value),
    emit: (emitter, call) => {
      const value = emitter.bound(argument(call, 0));
      const other = emitter.run(call, [value]).code;
      const name = code`typeof ${value.code} === "string" ? "string" : ${other}`;
      return { code: code`(${value.code} === undefined ? "missing" : ${name})`, types: T.STRING };
    },
    safe: true,
  },
  {
    name: "$binarySize",
    category: "miscellaneous",
    summary: "The size of a string or of bytes, in bytes.",
    arguments: list(1),
    result: T.INT | T.NULL,
    example: example({ $binarySize: "$s" }, { s: "α" }, 2),
    run: binarySize,
  },
  {
    name: "$bsonSize",
    category: "miscellaneous",
    summary: "The size of an object written as BSON, in bytes.",
    arguments: list(1),
    result: T.INT | T.NULL,
    example: example({ $bsonSize: "$x" }, { x: { a: 1 } }, 12),
    run: bsonSize,
  },
  RAND,
  timestampPart("$tsIncrement"),
  timestampPart("$tsSecond"),
];
