/**
 * Inserts documents that are BSON already. The driver's own insert takes objects: to read an alert's BSON into the
 * driver's classes and to have it written again took more of a core than all the rest of its way.
 */
import { type ClientSession, type Db, MongoServerError } from "mongodb";
import { DocumentSequence } from "mongodb/lib/cmap/commands.js";
import { isDuplicateKey } from "./errors.ts";

/** What is sent at once, bytes: the server takes messages of 48 MB, with documents of at most 16 MB. */
const MESSAGE_BYTES = 24 * 1024 * 1024;

interface Message {
  readonly pieces: Uint8Array[];
  bytes: number;
}

/** Documents in BSON, as many messages as they need. */
export class RawDocuments {
  readonly messages: Message[] = [];
  count = 0;

  /** Adds a document; `pieces` are its bytes. */
  add(...pieces: readonly Uint8Array[]): void {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    let message = this.messages.at(-1);
    if (message === undefined || message.bytes + bytes > MESSAGE_BYTES) {
      message = { pieces: [], bytes: 0 };
      this.messages.push(message);
    }
    message.pieces.push(...pieces);
    message.bytes += bytes;
    this.count++;
  }
}

/** How a write is made; without a session duplicates are left out, in a transaction they end it. */
export type InsertOptions =
  | { readonly session: ClientSession }
  | {
      readonly session?: undefined;
      readonly writeConcern: { readonly w: number | "majority"; readonly j: boolean };
    };

/**
 * Inserts documents; answers how many. Throws what the driver throws, and `MongoServerError` for the first document that was refused,
 * outside transactions only for one that was refused for another reason than its key.
 */
export async function insertRaw(
  db: Db,
  collection: string,
  documents: RawDocuments,
  options: InsertOptions,
): Promise<number> {
  const { session } = options;
  let inserted = 0;
  for (const { pieces } of documents.messages) {
    const sequence = new DocumentSequence("documents");
    for (const piece of pieces) sequence.push({}, piece);
    const more = session === undefined ? { writeConcern: options.writeConcern } : {};
    const command = { insert: collection, documents: sequence, ordered: false, ...more };
    const answer = await db.command(command, session === undefined ? {} : { session });
    inserted += Number(answer["n"] ?? 0);
    const failures: MongoServerError[] = [
      ...(answer["writeErrors"] ?? []),
      ...(answer["writeConcernError"] === undefined ? [] : [answer["writeConcernError"]]),
    ].map((failure) => new MongoServerError({ ...failure, message: failure["errmsg"] }));
    const [first] = session === undefined ? failures.filter((failure) => !isDuplicateKey(failure)) : failures;
    if (first !== undefined) throw first;
  }
  return inserted;
}
