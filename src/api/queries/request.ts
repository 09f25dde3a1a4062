/** What the query types share: reading their fields and options, with errors that name them. */
import { type Document, isDocument, parseSort, toNumber, type Value } from "../../query/index.ts";
import type { SortSpec, Store } from "../../store/index.ts";
import { badRequest } from "../errors.ts";
import type { User } from "../identity.ts";
import { readLiteral } from "./literal.ts";
import type { SavedQueries } from "./saved.ts";

export interface QueryContext {
  readonly store: Store;
  readonly user: User;
  /** Longest time a query may take, milliseconds. */
  readonly maxTimeMs: number;
  /** Where queries with `kwargs.save` are kept; absent where nothing is kept. */
  readonly saved?: SavedQueries;
}

/** The message of every query that went well. */
export const DONE = "Successfully executed query";

/** What a query answers: `data`, or the elements of an array as comma-separated JSON text in pieces. */
export interface QueryAnswer {
  readonly message: string;
  readonly data?: Value;
  readonly items?: AsyncIterable<string>;
  /** The JSON text of `data` in pieces, where it is no array. */
  readonly text?: AsyncIterable<string>;
  /** Further fields of the envelope. */
  readonly extra?: Document;
}

/** One query type: `query` and `kwargs` are as the client sent them. */
export interface QueryType {
  readonly name: string;
  /** One line for the documentation. */
  readonly summary: string;
  /** Whether it takes `kwargs.explain`. */
  readonly explains?: true;
  run(query: Document, kwargs: Document, context: QueryContext): Promise<QueryAnswer>;
}

/** The collection that a query names; blanks around it are nobody's intent. */
export function catalogOf(query: Document): string {
  const { catalog } = query;
  if (typeof catalog === "string" && catalog.trim() !== "") return catalog.trim();
  throw badRequest("query.catalog: expected the name of a catalogue, e.g. ZTF_alerts");
}

/** An object that may also come as text; undefined when it is left out. */
export function documentField(query: Document, field: string, at = "query"): Document | undefined {
  const given = query[field];
  if (given === undefined || given === null) return undefined;
  const value = typeof given === "string" ? readLiteral(given, `${at}.${field}`) : given;
  if (isDocument(value)) return value;
  throw badRequest(`${at}.${field}: expected an object`);
}

/** The filter, which must be there: a query for everything says so with `{}`. */
export function filterOf(query: Document): Document {
  const filter = documentField(query, "filter");
  if (filter === undefined) throw badRequest("query.filter: missing; {} selects all documents");
  return filter;
}

/** Options that all finding queries understand. */
export interface FindOptions {
  readonly limit?: number;
  readonly skip?: number;
  readonly sort?: SortSpec;
  readonly hint?: string | Document;
  readonly maxTimeMs: number;
  readonly comment: string;
}

export function findOptions(kwargs: Document, context: QueryContext): FindOptions {
  const limit = integerOption(kwargs, "limit");
  const skip = integerOption(kwargs, "skip");
  if (skip !== undefined && skip < 0) throw badRequest("kwargs.skip: expected 0 or more");
  const sort = sortOption(kwargs["sort"]);
  return {
    ...commonOptions(kwargs, context),
    // The server's language takes a negative limit for its absolute value.
    ...(limit === undefined ? {} : { limit: Math.abs(limit) }),
    ...(skip === undefined ? {} : { skip }),
    ...(sort === undefined ? {} : { sort }),
  };
}

/** Options that finding queries and pipelines understand alike. */
export function commonOptions(
  kwargs: Document,
  context: QueryContext,
): Pick<FindOptions, "hint" | "maxTimeMs" | "comment"> {
  const { hint } = kwargs;
  if (hint !== undefined && hint !== null && typeof hint !== "string" && !isDocument(hint)) {
    throw badRequest("kwargs.hint: expected the name of an index or its keys");
  }
  return {
    maxTimeMs: maxTime(kwargs, context),
    comment: commentOf(kwargs, context),
    ...(hint === undefined || hint === null ? {} : { hint }),
  };
}

function sortOption(given: Value | undefined): SortSpec | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "string" && !/^\s*[[{(]/.test(given)) return [[given, 1]];
  return parseSort(typeof given === "string" ? readLiteral(given, "kwargs.sort") : given, "kwargs.sort");
}

function maxTime(kwargs: Document, { maxTimeMs }: QueryContext): number {
  const asked = integerOption(kwargs, "max_time_ms");
  if (asked === undefined) return maxTimeMs;
  if (asked < 1) throw badRequest("kwargs.max_time_ms: expected an integer >= 1");
  return Math.min(asked, maxTimeMs);
}

/** Always says who asks. */
function commentOf(kwargs: Document, { user }: QueryContext): string {
  const { comment } = kwargs;
  return typeof comment === "string" && comment !== "" ? `${user.name}: ${comment}` : user.name;
}

/** true or false. */
export function flagOption(kwargs: Document, name: string): boolean | undefined {
  const given = kwargs[name];
  if (given === undefined || given === null) return undefined;
  if (typeof given === "boolean") return given;
  throw badRequest(`kwargs.${name}: expected true or false`);
}

/** A whole number, also as text. */
export function integerOption(kwargs: Document, name: string): number | undefined {
  const given = kwargs[name];
  if (given === undefined || given === null) return undefined;
  const number = typeof given === "string" ? Number(given.trim() || Number.NaN) : toNumber(given);
  if (number !== undefined && Number.isSafeInteger(number)) return number;
  throw badRequest(`kwargs.${name}: expected a whole number`);
}
