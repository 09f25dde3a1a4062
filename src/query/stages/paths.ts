/** Reads and sets what stands at a path of documents, without going through arrays. */
import { type Document, getField, isDocument, setField, type Value } from "../values.ts";

/** The value at a path of documents; undefined where something else is on the way. */
export function valueAt(document: Document, parts: readonly string[]): Value | undefined {
  let value: Value | undefined = document;
  for (const part of parts) value = isDocument(value) ? getField(value, part) : undefined;
  return value;
}

/** A part of a path that is a position where an array stands: here, and nowhere else, `01` is one too. */
const POSITION = /^\d{1,10}$/;

/**
 * All values at a path, the items of arrays in the place of the arrays. Below an array numbers are positions in it,
 * and only that; other names lead into the documents among its items.
 */
export function valuesAlong(document: Document, parts: readonly string[]): Value[] {
  const values: Value[] = [];
  const walk = (within: Document, from: number) => {
    let at = from + 1;
    let value = getField(within, parts[from] ?? "");
    for (; at < parts.length && Array.isArray(value) && POSITION.test(parts[at] ?? ""); at++) {
      value = value[Number(parts[at])];
    }
    if (at === parts.length) {
      if (Array.isArray(value)) values.push(...value);
      else if (value !== undefined) values.push(value);
    } else if (isDocument(value)) walk(value, at);
    else if (Array.isArray(value)) {
      for (const item of value) if (isDocument(item)) walk(item, at);
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
