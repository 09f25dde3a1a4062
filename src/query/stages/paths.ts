/** Reads and sets what stands at a path of documents, without going through arrays. */
import { arrayPosition } from "../paths.ts";
import { type Document, getField, isDocument, setField, type Value } from "../values.ts";

/** The value at a path of documents; undefined where something else is on the way. */
export function valueAt(document: Document, parts: readonly string[]): Value | undefined {
  let value: Value | undefined = document;
  for (const part of parts) value = isDocument(value) ? getField(value, part) : undefined;
  return value;
}

/** All values at a path, the items of arrays in the place of the arrays; a number is also a position. */
export function valuesAlong(document: Document, parts: readonly string[]): Value[] {
  const values: Value[] = [];
  const walk = (value: Value | undefined, from: number) => {
    if (from === parts.length) {
      if (Array.isArray(value)) values.push(...value);
      else if (value !== undefined) values.push(value);
      return;
    }
    const name = parts[from] ?? "";
    if (isDocument(value)) walk(getField(value, name), from + 1);
    else if (Array.isArray(value)) {
      for (const item of value) if (isDocument(item)) walk(item, from);
      const position = arrayPosition(name);
      if (position >= 0) walk(value[position], from + 1);
    }
  };
  walk(document, 0);
  return values;
}

/**
 * A copy of a document with another value (undefined: without one) at a path. Whatever is on the way and is
 * no document is replaced by one.
 */
export function withValueAt(
  document: Document,
  parts: readonly string[],
  value: Value | undefined,
  from = 0,
): Document {
  const copy: Document = {};
  for (const name of Object.keys(document)) {
    const own = document[name];
    if (own !== undefined) setField(copy, name, own);
  }
  const name = parts[from] ?? "";
  if (from === parts.length - 1) {
    if (value === undefined) delete copy[name];
    else setField(copy, name, value);
    return copy;
  }
  const below = getField(copy, name);
  setField(copy, name, withValueAt(isDocument(below) ? below : {}, parts, value, from + 1));
  return copy;
}
