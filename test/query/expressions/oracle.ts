/** Compares compiled expressions with a real MongoDB server: the same value, types included, or an error on both sides. */

import { expect } from "bun:test";
import { deserialize, EJSON, serialize } from "bson";
import { MongoClient } from "mongodb";
import { compileExpression, type Document, QueryError, type Value } from "../../../src/query/index.ts";
import { testMongod } from "../../support/mongod.ts";
import { skipOrFail } from "../../support/services.ts";

/** An expression and the document it is computed on. */
export type Case = readonly [expression: Value, document?: Document];

/** What came out: the value in canonical extended JSON, or that it failed, perhaps because it is not supported. */
type Outcome = { readonly value: string } | { readonly error: string; readonly refused?: boolean };

const found = await testMongod();

/** Whether there is no server to compare with. */
export const withoutServer = skipOrFail("mongod", typeof found !== "string", String(found));

const client = typeof found === "string" ? undefined : new MongoClient(found.url);

/** Canonical text of a value as BSON holds it, so that types count; missing is `nothing`. */
export function describeValue(value: Value | undefined): string {
  if (value === undefined) return "nothing";
  // Through BSON, so that the same bytes give the same text whatever class held them.
  const options = { promoteValues: false, bsonRegExp: true };
  return EJSON.stringify(deserialize(serialize({ value }), options), { relaxed: false });
}

function compiled([expression, document = {}]: Case): Outcome {
  try {
    return { value: describeValue(compileExpression(expression, "case")(document)) };
  } catch (error) {
    const refused = error instanceof QueryError && error.kind === "unsupported";
    return {
      refused,
      error: error instanceof Error ? error.message : String(error),
    };
  }
}

async function served([expression, document = {}]: Case): Promise<Outcome> {
  try {
    const pipeline = [
      { $documents: [{ $literal: document }] },
      { $replaceRoot: { newRoot: { value: expression } } },
    ];
    const options = { promoteValues: false, bsonRegExp: true };
    const [row] = (await client?.db("admin").aggregate(pipeline, options).toArray()) ?? [];
    const value = row?.["value"] as Value | undefined;
    // Dates that JavaScript cannot hold are errors on our side.
    if (value instanceof Date && Number.isNaN(value.getTime())) return { error: "a date out of range" };
    return { value: describeValue(value) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** A document of the fields that are there. */
export function given(fields: Readonly<Record<string, Value | undefined>>): Document {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** How many cases of one test run unless `KOWALSKI_TEST_ALL` is set: evenly spread over all of them. */
const SOME = 700;

function spread(cases: readonly Case[]): readonly Case[] {
  if (cases.length <= SOME || process.env["KOWALSKI_TEST_ALL"] !== undefined) return cases;
  return Array.from({ length: SOME }, (_, i) => cases[Math.floor((i * cases.length) / SOME)] ?? [null]);
}

const AT_ONCE = 32;

/** Demands that all cases come out alike; differences are shown together. */
export async function expectAlike(all: readonly Case[]): Promise<void> {
  const cases = spread(all);
  const differences: string[] = [];
  for (let i = 0; i < cases.length; i += AT_ONCE) {
    const some = cases.slice(i, i + AT_ONCE);
    const outcomes = await Promise.all(some.map(served));
    some.forEach((item, j) => {
      const ours = compiled(item);
      const theirs = outcomes[j] ?? { error: "no answer" };
      const alike =
        "value" in ours && "value" in theirs
          ? ours.value === theirs.value
          : "error" in ours && "error" in theirs;
      // A refusal is no answer, so it cannot be a different one.
      if (!alike && !("error" in ours && ours.refused))
        differences.push(`${show(item)}\n    ours:   ${tell(ours)}\n    server: ${tell(theirs)}`);
    });
  }
  if (differences.length > 0)
    throw new Error(`${differences.length} of ${cases.length} differ:\n${differences.join("\n")}`);
  expect(cases.length).toBeGreaterThan(0);
}

function show([expression, document = {}]: Case): string {
  return `${EJSON.stringify({ e: expression }, { relaxed: false })} on ${EJSON.stringify(document, { relaxed: false })}`;
}

function tell(outcome: Outcome): string {
  return "error" in outcome ? `error: ${outcome.error}` : outcome.value;
}
