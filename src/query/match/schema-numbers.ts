/** Divisibility across number types, exact: `multipleOf` of `$jsonSchema`. */
import { Decimal128 } from "bson";
import { type DecimalParts, decimalOfBigint, decimalOfDouble, decimalParts } from "../decimal.ts";
import { QueryError } from "../errors.ts";
import { toNumber, typeOf, type Value } from "../values.ts";

type Finite = Extract<DecimalParts, { kind: "finite" }>;

/** Reads the positive number of which values must be multiples. */
export function readFactor(argument: Value, at: string): Finite {
  const parts = ["int", "long", "double", "decimal"].includes(typeOf(argument))
    ? partsOf(argument)
    : undefined;
  if (parts?.kind === "finite" && parts.coefficient > 0n && !parts.negative) return parts;
  // The server looks at these only where numbers can be: never for whole documents.
  if (parts !== undefined && parts.kind !== "finite")
    throw new QueryError("unsupported", at, "needs a finite number");
  throw new QueryError("invalid", at, "needs a positive number");
}

/** Doubles count as decimals of 15 digits, as the server converts them: 0.3 is a multiple of 0.1. */
function partsOf(value: Value): DecimalParts {
  if (value instanceof Decimal128) return decimalParts(value);
  if (typeof value === "bigint") return decimalOfBigint(value);
  const number = toNumber(value) ?? Number.NaN;
  if (!Number.isFinite(number)) return decimalOfDouble(number);
  return decimalParts(Decimal128.fromString(number.toPrecision(15)));
}

/** Whether a number is an integral multiple of the factor. NaN and infinities are not. */
export function isMultipleOf(value: Value, factor: Finite): boolean {
  const parts = partsOf(value);
  if (parts.kind !== "finite") return false;
  if (parts.coefficient === 0n) return true;
  const shift = parts.exponent - factor.exponent;
  if (shift >= 0) return powerTimes(parts.coefficient, shift, factor.coefficient) === 0n;
  const unit = 10n ** BigInt(-shift);
  return parts.coefficient % (factor.coefficient * unit) === 0n;
}

/** `coefficient × 10^shift mod factor`, without large intermediate numbers. */
function powerTimes(coefficient: bigint, shift: number, factor: bigint): bigint {
  let result = coefficient % factor;
  let base = 10n % factor;
  for (let rest = shift; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = (result * base) % factor;
    base = (base * base) % factor;
  }
  return result;
}
