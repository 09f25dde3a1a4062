/** Compares pipelines with a real MongoDB server: the same documents, types included, or an error on both sides. */
import { expect } from "bun:test";
import { EJSON } from "bson";
import { type Db, MongoClient, MongoServerError } from "mongodb";
import {
  type CollectionReader,
  compilePipeline,
  Deadline,
  type Document,
  parsePipeline,
  QueryError,
} from "../../../src/query/index.ts";
import { testDatabaseName, testMongod } from "../../support/mongod.ts";
import { skipOrFail } from "../../support/services.ts";

export interface Case {
  readonly pipeline: readonly Document[];
  readonly documents?: readonly Document[];
  /** Documents of the collection `other`. */
  readonly other?: readonly Document[];
  /** Compare as sets: the stage promises no order. */
  readonly anyOrder?: boolean;
  /** Put the documents into a collection; else they come from a `$documents` stage. */
  readonly stored?: boolean;
  /** A path that has an index of positions. */
  readonly positions?: string;
}

type Outcome = { readonly documents: readonly string[] } | { readonly error: string };

const found = await testMongod();

/** Whether there is no server to compare with. */
export const withoutServer = skipOrFail("mongod", typeof found !== "string", String(found));

const client =
  typeof found === "string" ? undefined : new MongoClient(found.url, { serverSelectionTimeoutMS: 10_000 });
let collections = 0;

/** Canonical text of a document, so that types and the order of fields count. */
function describe(document: Document): string {
  return EJSON.stringify(document, { relaxed: false });
}

function ours({ pipeline, documents = [], other = [], positions }: Case): Outcome {
  const before = JSON.stringify(documents.map(describe));
  const lookup: CollectionReader = { read: (name) => (name === "other" ? other : []) };
  try {
    const compiled = compilePipeline(parsePipeline(pipeline));
    const options = { lookup, deadline: new Deadline(10_000), ...(positions && { positionPath: positions }) };
    const result = [...compiled.run(documents, options)].map(describe);
    if (JSON.stringify(documents.map(describe)) !== before) throw new Error("the pipeline changed its input");
    return { documents: result };
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { error: error.message };
  }
}

async function theirs(
  db: Db,
  { pipeline, documents = [], other = [], stored, positions }: Case,
): Promise<Outcome> {
  const options = { promoteValues: false, bsonRegExp: true };
  const name = `documents${collections++}`;
  const named = renamed(pipeline, `${name}_other`);
  if (other.length > 0)
    await db.collection(`${name}_other`).insertMany(other.map((document) => ({ ...document })));
  try {
    if (!stored && positions === undefined) {
      const source = [{ $documents: { $literal: [...documents] } }, ...named];
      return { documents: (await db.aggregate(source, options).toArray()).map(describe) };
    }
    const collection = db.collection(name);
    if (documents.length > 0) await collection.insertMany(documents.map((document) => ({ ...document })));
    else await db.createCollection(name);
    if (positions !== undefined) await collection.createIndex({ [positions]: "2dsphere" });
    return { documents: (await collection.aggregate([...named], options).toArray()).map(describe) };
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    return { error: error.message };
  }
}

/** The pipeline with the name that the collection `other` has on the server. */
function renamed(value: readonly Document[], name: string): Document[] {
  const walk = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== "object" || part === null || Object.getPrototypeOf(part) !== Object.prototype)
      return part;
    return Object.fromEntries(
      Object.entries(part).map(([field, below]) => [
        field,
        ["from", "coll", "$unionWith"].includes(field) && below === "other" ? name : walk(below),
      ]),
    );
  };
  return walk([...value]) as Document[];
}

const AT_ONCE = 16;

/** Demands that all cases come out alike; differences are shown together. */
export async function expectAlike(cases: readonly Case[]): Promise<void> {
  if (client === undefined) throw new Error("there is no server");
  const db = client.db(testDatabaseName());
  const differences: string[] = [];
  try {
    for (let i = 0; i < cases.length; i += AT_ONCE) {
      const some = cases.slice(i, i + AT_ONCE);
      const outcomes = await Promise.all(some.map((item) => theirs(db, item)));
      some.forEach((item, j) => {
        const own = ours(item);
        const served = outcomes[j] ?? { error: "no answer" };
        if (!alike(own, served, item.anyOrder === true)) differences.push(tell(item, own, served));
      });
    }
  } finally {
    await db.dropDatabase();
  }
  if (differences.length > 0)
    throw new Error(`${differences.length} of ${cases.length} differ:\n${differences.join("\n")}`);
  expect(cases.length).toBeGreaterThan(0);
}

function alike(a: Outcome, b: Outcome, anyOrder: boolean): boolean {
  if ("error" in a || "error" in b) return "error" in a && "error" in b;
  const order = (documents: readonly string[]) => (anyOrder ? [...documents].sort() : documents);
  return JSON.stringify(order(a.documents)) === JSON.stringify(order(b.documents));
}

/** Differences of large cases are cut off. */
const MOST_SHOWN = 600;

function tell(item: Case, own: Outcome, served: Outcome): string {
  const { pipeline, documents = [] } = item;
  const asked = `${EJSON.stringify(pipeline, { relaxed: false })} on ${EJSON.stringify(documents, { relaxed: false })}`;
  return [asked, `    ours:   ${beyond(own, served)}`, `    server: ${beyond(served, own)}`]
    .map((line) => line.slice(0, MOST_SHOWN))
    .join("\n");
}

/** An outcome from its first document that the other does not share. */
function beyond(outcome: Outcome, other: Outcome): string {
  if ("error" in outcome) return `error: ${outcome.error}`;
  const others = "error" in other ? [] : other.documents;
  const first = outcome.documents.findIndex((document, i) => document !== others[i]);
  return first < 0
    ? `the same ${outcome.documents.length}`
    : `… ${outcome.documents.slice(first).join(", ")}`;
}
