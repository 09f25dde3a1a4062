/** Which array item made a document match: what the positional projection `field.$` shows. */

import type { ElemMatchObjectNode, ElemMatchValueNode, MatchNode, PathNode } from "../match/nodes.ts";
import { type DocumentTest, valueTest } from "../match/single.ts";
import { arrayPosition, someAlong, type Test } from "../paths.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";

/** Finds the item's position; undefined when the match did not come through an array. */
export type FindPosition = (document: Document) => number | undefined;

/**
 * Compiles the search for the position. Of several conditions the last that came through an array tells;
 * alternatives and negations tell nothing.
 */
export function compilePosition(node: MatchNode, compile: DocumentTest): FindPosition {
  if (node.kind === "and") {
    const children = node.children.map((child) => compilePosition(child, compile)).reverse();
    return (document) => {
      for (const child of children) {
        const position = child(document);
        if (position !== undefined) return position;
      }
      return undefined;
    };
  }
  if (!("parts" in node) || node.kind === "near") return () => undefined;
  const test = valueTest(node, compile);
  const { parts } = node;
  if (node.kind === "elemMatchObject" || node.kind === "elemMatchValue") {
    const inside = compileItemTest(node, compile);
    return (document) =>
      positionAlong(document, parts, 0, test, "whole") ?? positionInside(document, parts, inside);
  }
  return (document) => positionAlong(document, parts, 0, test, leafOf(node));
}

function leafOf(node: PathNode): "items" | "whole" {
  return node.kind === "size" ? "whole" : "items";
}

/** The position in the first array on the path at which the test passes. */
function positionAlong(
  document: Document,
  parts: readonly string[],
  from: number,
  test: Test,
  leaf: "items" | "whole",
): number | undefined {
  const { value, at } = firstArray(document, parts, from);
  if (value === undefined) return undefined;
  if (at === parts.length - 1) {
    const position = leaf === "items" ? value.findIndex((item) => test(item)) : -1;
    return position < 0 ? undefined : position;
  }
  const explicit = arrayPosition(parts[at + 1] ?? "");
  for (const [i, item] of value.entries()) {
    if (isDocument(item) && someAlong(item, parts, at + 1, test, leaf)) return i;
    if (i !== explicit || !isDocument(item) || at + 2 >= parts.length) continue;
    if (someAlong(item, parts, at + 2, test, leaf)) return positionAlong(item, parts, at + 2, test, leaf);
  }
  return undefined;
}

function firstArray(
  document: Document,
  parts: readonly string[],
  from: number,
): { value: Value[] | undefined; at: number } {
  let value: Value | undefined = document;
  for (let at = from; at < parts.length; at++) {
    if (!isDocument(value)) break;
    value = getField(value, parts[at] ?? "");
    if (Array.isArray(value)) return { value, at };
  }
  return { value: undefined, at: parts.length };
}

function compileItemTest(node: ElemMatchObjectNode | ElemMatchValueNode, compile: DocumentTest): Test {
  const single = valueTest(node, compile);
  return (item) => single([item as Value]);
}

function positionInside(document: Document, parts: readonly string[], inside: Test): number | undefined {
  const { value, at } = firstArray(document, parts, 0);
  if (value === undefined || at !== parts.length - 1) return undefined;
  const position = value.findIndex((item) => inside(item));
  return position < 0 ? undefined : position;
}
