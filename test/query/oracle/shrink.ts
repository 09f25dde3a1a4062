/** Makes a failing case smaller, as trees of values: whatever still fails is kept. */
import { type Document, isDocument, setField, type Value } from "../../../src/query/index.ts";
import type { Case, Query } from "./cases.ts";

/** Tries of one case: each is a round trip to the server. */
const MAX_TRIES = 600;
/** Some cases are slow, too. */
const MAX_MS = 20_000;

/** The smallest case found for which `fails` holds. */
export async function shrink(start: Case, fails: (smaller: Case) => Promise<boolean>): Promise<Case> {
  let best = start;
  let tries = 0;
  const end = performance.now() + MAX_MS;
  const goesOn = () => tries < MAX_TRIES && performance.now() < end;
  for (let progress = true; progress && goesOn(); ) {
    progress = false;
    for (const smaller of smallerCases(best)) {
      tries++;
      if (!goesOn()) break;
      if (!(await fails(smaller))) continue;
      best = smaller;
      progress = true;
      break;
    }
  }
  return best;
}

function* smallerCases(start: Case): Generator<Case> {
  for (const part of ["documents", "other"] as const) {
    const documents = start[part];
    const half = documents.length >> 1;
    if (half > 0) {
      yield { ...start, [part]: documents.slice(half) };
      yield { ...start, [part]: documents.slice(0, half) };
    }
    // One document stays: constants that are no valid operands are errors with or without.
    if (documents.length < 2) continue;
    for (let i = 0; i < documents.length; i++) yield { ...start, [part]: documents.toSpliced(i, 1) };
  }
  for (const query of smallerQueries(start.query)) yield { ...start, query };
  for (const part of ["documents", "other"] as const) {
    for (const [i, document] of start[part].entries()) {
      for (const smaller of smallerValues(document)) {
        if (isDocument(smaller) && "_id" in smaller) yield { ...start, [part]: start[part].with(i, smaller) };
      }
    }
  }
}

function* smallerQueries(query: Query): Generator<Query> {
  if (query.kind === "aggregate") {
    for (const pipeline of smallerValues(query.pipeline as Value[])) {
      if (Array.isArray(pipeline) && pipeline.every(isDocument)) yield { ...query, pipeline };
    }
    return;
  }
  const { projection, sort, ...rest } = query;
  if (projection !== undefined) yield { ...rest, ...(sort && { sort }) };
  if (sort !== undefined) yield { ...rest, ...(projection && { projection }) };
  for (const part of ["filter", "projection", "sort"] as const) {
    const value = query[part];
    if (value === undefined) continue;
    for (const smaller of smallerValues(value)) if (isDocument(smaller)) yield { ...query, [part]: smaller };
  }
}

/** Simpler values, the boldest first: a part of it, it without a part, it with a simpler part. */
function* smallerValues(value: Value): Generator<Value> {
  if (Array.isArray(value)) yield* smallerArrays(value);
  else if (isDocument(value)) yield* smallerDocuments(value);
  else if (typeof value === "string" && value.length > 1) yield* shorterTexts(value);
}

function* smallerArrays(items: Value[]): Generator<Value> {
  yield* items;
  for (let i = 0; i < items.length; i++) yield items.toSpliced(i, 1);
  for (const [i, item] of items.entries()) {
    for (const smaller of [...simple(item), ...smallerValues(item)]) yield items.with(i, smaller);
  }
}

function* smallerDocuments(document: Document): Generator<Value> {
  const names = Object.keys(document);
  for (const name of names) if (document[name] !== undefined) yield document[name] ?? null;
  for (const name of names) yield replaced(document, name, undefined);
  for (const name of names) {
    if (name === "_id") continue;
    const value = document[name] ?? null;
    for (const smaller of [...simple(value), ...smallerValues(value)])
      yield replaced(document, name, smaller);
  }
}

function replaced(document: Document, changed: string, value: Value | undefined): Document {
  const out: Document = {};
  for (const name of Object.keys(document)) {
    const kept = name === changed ? value : document[name];
    if (kept !== undefined) setField(out, name, kept);
  }
  return out;
}

function* simple(value: Value): Generator<Value> {
  if (typeof value === "object" && value !== null) {
    yield 1;
    if (Array.isArray(value)) yield [];
    else if (isDocument(value)) yield {};
  } else if (typeof value === "number" && value !== 1 && value !== 0) yield 1;
}

/** Paths lose parts, other texts letters. */
function* shorterTexts(text: string): Generator<string> {
  const mark = /^\$*/.exec(text)?.[0] ?? "";
  const parts = text.slice(mark.length).split(".");
  if (parts.length > 1) for (let i = 0; i < parts.length; i++) yield mark + parts.toSpliced(i, 1).join(".");
}
