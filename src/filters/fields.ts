/** Reads fields of what authors send, with errors that name the field and what it may be. */
import { type Document, isDocument, toNumber, type Value } from "../query/index.ts";
import { invalid } from "./errors.ts";

/** A whole number, also as digits in a string; undefined when left out. */
export function integerField(
  document: Document,
  field: string,
  { min, path = field }: { min: number; path?: string },
): number | undefined {
  const value = document[field];
  if (value === undefined || value === null) return undefined;
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : toNumber(value);
  if (number !== undefined && Number.isSafeInteger(number) && number >= min) return number;
  throw invalid(`${path}: expected a whole number of at least ${min}`);
}

/** A number of at least 0; undefined when left out. */
export function numberField(document: Document, field: string, path: string): number | undefined {
  const value = document[field];
  if (value === undefined || value === null) return undefined;
  const number = toNumber(value);
  if (number !== undefined && Number.isFinite(number) && number >= 0) return number;
  throw invalid(`${path}: expected a number of at least 0`);
}

/** A list of whole numbers; undefined when left out. */
export function integersField(document: Document, field: string, path = field): number[] | undefined {
  const value = document[field];
  if (value === undefined || value === null) return undefined;
  const numbers = Array.isArray(value) ? value.map(toNumber) : [undefined];
  const whole = numbers.filter((number) => number !== undefined && Number.isSafeInteger(number));
  if (whole.length === numbers.length) return whole as number[];
  throw invalid(`${path}: expected a list of whole numbers`);
}

export function booleanField(document: Document, field: string, path = field): boolean | undefined {
  const value = document[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw invalid(`${path}: expected true or false`);
}

export function textField(document: Document, field: string, path: string): string | undefined {
  const value = document[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw invalid(`${path}: expected a text`);
}

/** The value itself when it is an object. */
export function requireObject(value: Value | undefined, path: string): Document {
  if (isDocument(value)) return value;
  throw invalid(`${path}: expected an object`);
}
