/** Queries as they are sent to the server. */
import type { Document as BsonDocument, Db, FindCursor, FindOptions } from "mongodb";
import {
  compileMatchNode,
  compileProjection,
  type Document,
  isDocument,
  nearOf,
  parseMatch,
  printJson,
} from "../../query/index.ts";
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
  const node = parseMatch(filter, "filter");
  compileMatchNode(node);
  if (projection !== undefined) compileProjection(projection, { filter: node });
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
  const node = parseMatch(filter, "filter");
  compileMatchNode(node);
  try {
    // The server counts by a pipeline, where what is near cannot be looked for.
    if (nearOf(node) !== undefined) return await countFound(db, request);
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

async function countFound(db: Db, request: CountRequest): Promise<number> {
  let found = 0;
  for await (const _ of findCursor(db, { ...request, projection: { _id: 1 } }, true)) found++;
  return found;
}

export async function explain(db: Db, request: FindRequest): Promise<FindExplanation> {
  try {
    const answer = await findCursor(db, request, false).explain("executionStats");
    // A find on a view is a pipeline.
    const stages: BsonDocument[] = answer["stages"] ?? [];
    const first = stages[0]?.["$cursor"] ?? answer;
    const returned = stages.at(-1)?.["nReturned"] ?? first["executionStats"]?.["nReturned"];
    return {
      index: indexOf(first["queryPlanner"]?.["winningPlan"]),
      documentsExamined: examinedBy(first),
      documentsReturned: Number(returned ?? 0),
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

  json(): AsyncGenerator<string> {
    return jsonPieces(this.documents());
  }
}

/**
 * The documents of a find. The server's views take no projection that only a find has: documents of a view are
 * projected here then.
 */
export class FoundStream implements DocumentStream {
  constructor(
    readonly db: Db,
    readonly request: FindRequest,
    readonly isView: () => Promise<boolean>,
  ) {}

  async *documents(): AsyncGenerator<Document> {
    const { projection, ...whole } = this.request;
    const here = projection !== undefined && isOnlyOfFinds(projection) && (await this.isView());
    const asked = here ? whole : this.request;
    const project = here
      ? compileProjection(projection, { filter: parseMatch(whole.filter) })
      : (document: Document) => document;
    const found = new CursorStream(() => findCursor(this.db, asked, true));
    for await (const document of found.documents()) yield project(document);
  }

  json(): AsyncGenerator<string> {
    return jsonPieces(this.documents());
  }
}

/** Whether a projection has an operator, or a `$` behind a path, that a `$project` has not or understands otherwise. */
export function isOnlyOfFinds(projection: Document): boolean {
  return Object.entries(projection).some(
    ([name, value]) =>
      name === "$slice" ||
      name === "$elemMatch" ||
      name.endsWith(".$") ||
      (isDocument(value) && isOnlyOfFinds(value)),
  );
}

async function* jsonPieces(documents: AsyncIterable<Document>): AsyncGenerator<string> {
  let text = "";
  let isFirst = true;
  for await (const document of documents) {
    text += isFirst ? printJson(document) : `,${printJson(document)}`;
    isFirst = false;
    if (text.length < CHUNK) continue;
    yield text;
    text = "";
  }
  if (text !== "") yield text;
}
