/** Queries as they are sent to the server. */
import type { Document as BsonDocument, Db, FindCursor, FindOptions } from "mongodb";
import { compileMatch, compileProjection, type Document, printJson } from "../../query/index.ts";
import type { CountRequest, DocumentStream, FindExplanation, FindRequest } from "../store.ts";
import { queryError } from "./errors.ts";
import { examinedBy, indexOf } from "./plan.ts";
import { documentOf, WRITE_OPTIONS } from "./values.ts";

/** Characters of JSON that are gathered before they are passed on. */
const CHUNK = 64 * 1024;
/** A cursor, over `raw` BSON or over documents of the driver. Throws `QueryError` for a filter that is wrong. */
export function findCursor(db: Db, request: FindRequest, raw: boolean): FindCursor<BsonDocument> {
  const { collection, filter, projection, sort, skip, limit, hint, maxTimeMs, comment } = request;
  // So that errors name the place, and code of users never runs on the server.
  compileMatch(filter, { path: "filter" });
  if (projection !== undefined) compileProjection(projection);
  const options: FindOptions = {
    maxTimeMS: maxTimeMs,
    ...WRITE_OPTIONS,
    raw,
    ...(projection === undefined ? {} : { projection }),
    ...(sort === undefined ? {} : { sort: new Map(sort) }),
    ...(skip === undefined ? {} : { skip }),
    ...(limit === undefined ? {} : { limit }),
    ...(hint === undefined ? {} : { hint }),
    ...(comment === undefined ? {} : { comment }),
  };
  return db.collection(collection).find(filter, options);
}

export async function count(db: Db, request: CountRequest): Promise<number> {
  const { collection, filter, skip, limit, hint, maxTimeMs, comment } = request;
  compileMatch(filter, { path: "filter" });
  try {
    return await db.collection(collection).countDocuments(filter, {
      maxTimeMS: maxTimeMs,
      ...(skip === undefined ? {} : { skip }),
      // The server refuses a limit of 0, which means none.
      ...(limit === undefined || limit === 0 ? {} : { limit }),
      ...(hint === undefined ? {} : { hint: hint as string }),
      ...(comment === undefined ? {} : { comment }),
    });
  } catch (error) {
    throw queryError(error);
  }
}

export async function explain(db: Db, request: FindRequest): Promise<FindExplanation> {
  try {
    const answer = await findCursor(db, request, false).explain("executionStats");
    return {
      index: indexOf(answer["queryPlanner"]?.["winningPlan"]),
      documentsExamined: examinedBy(answer),
      documentsReturned: Number(answer["executionStats"]?.["nReturned"] ?? 0),
    };
  } catch (error) {
    throw queryError(error);
  }
}

/** An answer of the server, read once; the cursor is closed when its reader leaves. */
export class CursorStream implements DocumentStream {
  constructor(readonly open: () => AsyncIterable<BsonDocument> & { close(): Promise<void> }) {}

  async *documents(): AsyncGenerator<Document> {
    try {
      const cursor = this.open();
      try {
        for await (const bytes of cursor) yield documentOf(bytes as Uint8Array);
      } finally {
        await cursor.close();
      }
    } catch (error) {
      throw queryError(error);
    }
  }

  async *json(): AsyncGenerator<string> {
    let text = "";
    let isFirst = true;
    for await (const document of this.documents()) {
      text += isFirst ? printJson(document) : `,${printJson(document)}`;
      isFirst = false;
      if (text.length < CHUNK) continue;
      yield text;
      text = "";
    }
    if (text !== "") yield text;
  }
}
