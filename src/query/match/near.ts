/** Near searches: how far from the centre a document is. */
import { arrayPosition } from "../paths.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import { distanceFrom } from "./geo.ts";
import type { NearQuery } from "./geo-shapes.ts";
import type { NearNode } from "./nodes.ts";

export interface Nearest {
  /** In the query's unit: metres, radians or degrees on the plane. */
  readonly distance: number;
  /** The position, as the document has it. */
  readonly place: Value;
}

/** The nearest of the positions that a document has at a path, arrays included; undefined without any. */
export function nearestAt(
  near: NearQuery,
  document: Document,
  parts: readonly string[],
): Nearest | undefined {
  let nearest: Nearest | undefined;
  for (const place of placesAlong(document, parts, 0)) {
    const distance = distanceFrom(near, place);
    if (distance !== undefined && (nearest === undefined || distance < nearest.distance))
      nearest = { distance, place };
  }
  return nearest;
}

/** The test of whole documents that a near search is: the nearest position must be within its distances. */
export function nearTest({ near, parts }: NearNode): (document: Document) => boolean {
  return (document) => {
    const distance = nearestAt(near, document, parts)?.distance;
    return distance !== undefined && distance >= near.min && distance <= near.max;
  };
}

/** What may be positions: the values at a path, and the items of those that are arrays. */
function* placesAlong(value: Value | undefined, parts: readonly string[], from: number): Generator<Value> {
  const name = parts[from];
  if (name === undefined) {
    if (value === undefined) return;
    yield value;
    if (Array.isArray(value)) yield* value;
  } else if (isDocument(value)) yield* placesAlong(getField(value, name), parts, from + 1);
  else if (Array.isArray(value)) {
    for (const item of value) if (isDocument(item)) yield* placesAlong(item, parts, from);
    const position = arrayPosition(name);
    if (position >= 0) yield* placesAlong(value[position], parts, from + 1);
  }
}
