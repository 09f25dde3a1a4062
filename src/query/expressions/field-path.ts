/** Field paths of expressions, through arrays. */
import { tick } from "../deadline.ts";
import { getField, isDocument, type Value } from "../values.ts";

/**
 * The value at a path below `value`: where an array is on the way, the array of what its documents hold
 * there (items that are no documents, and missing values, are left out).
 */
export function followPath(value: Value | undefined, parts: readonly string[], from = 0): Value | undefined {
  let current = value;
  for (let i = from; i < parts.length; i++) {
    if (Array.isArray(current)) return followInArray(current, parts, i);
    if (!isDocument(current)) return undefined;
    current = getField(current, parts[i] ?? "");
  }
  return current;
}

function followInArray(items: readonly Value[], parts: readonly string[], from: number): Value[] {
  tick(items.length);
  const part = parts[from] ?? "";
  const last = from === parts.length - 1;
  const found: Value[] = [];
  for (const item of items) {
    if (!isDocument(item)) continue;
    const field = getField(item, part);
    const value = last ? field : followPath(field, parts, from + 1);
    if (value !== undefined) found.push(value);
  }
  return found;
}
