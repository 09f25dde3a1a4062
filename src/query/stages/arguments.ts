/** Arguments that several stages read alike. */
import { QueryError } from "../errors.ts";
import { didYouMean } from "../suggest.ts";
import { type Document, isDocument, type Value } from "../values.ts";

/** Reads an object of known options; throws for unknown ones and for required ones that are missing. */
export function readOptions(
  argument: Value,
  at: string,
  required: readonly string[],
  optional: readonly string[] = [],
): Document {
  const known = [...required, ...optional];
  if (!isDocument(argument)) throw new QueryError("invalid", at, `needs an object with ${known.join(", ")}`);
  for (const name of Object.keys(argument)) {
    if (known.includes(name)) continue;
    throw new QueryError(
      "invalid",
      `${at}.${name}`,
      `unknown option${didYouMean(name, known)}; known are ${known.join(", ")}`,
    );
  }
  for (const name of required) {
    if (!Object.hasOwn(argument, name)) throw new QueryError("invalid", at, `needs the option ${name}`);
  }
  return argument;
}

/** An integer of any numeric type, exactly; undefined for fractions, other types and beyond int64. */
export { toInt64 as integerOf } from "../match/numbers.ts";

/** Reads a path written as a field expression: `$a.b`. Answers its parts. */
export function readFieldPath(value: Value, at: string): string[] {
  if (typeof value !== "string" || !value.startsWith("$") || value.startsWith("$$")) {
    throw new QueryError("invalid", at, 'needs a path that begins with $, e.g. "$prv_candidates"');
  }
  return checkPath(value.slice(1), at);
}

/** Reads a plain path: `a.b`. Answers its parts. */
export function readPlainPath(value: Value | undefined, at: string): string[] {
  if (typeof value !== "string") throw new QueryError("invalid", at, "needs the name of a field");
  if (value.startsWith("$"))
    throw new QueryError("invalid", at, `needs the name of a field, without $: ${value.slice(1)}`);
  return checkPath(value, at);
}

function checkPath(path: string, at: string): string[] {
  const parts = path.split(".");
  if (parts.length > 200) throw new QueryError("limit", at, "a path cannot have more than 200 parts");
  for (const part of parts) {
    if (part === "") throw new QueryError("invalid", at, "a path cannot have an empty part");
    if (part.startsWith("$"))
      throw new QueryError("invalid", at, `the field name ${part} cannot begin with $`);
    if (part.includes("\0"))
      throw new QueryError("invalid", at, "a field name cannot contain a null character");
  }
  return parts;
}

/**
 * Reads what the server looks at only when a document arrives. A constant in it that cannot be computed is
 * refused at once: it could do nothing but fail.
 */
export function refuseFailingConstants<R>(read: () => R): R {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof QueryError) || error.kind !== "runtime") throw error;
    throw new QueryError("unsupported", error.path, error.reason);
  }
}
