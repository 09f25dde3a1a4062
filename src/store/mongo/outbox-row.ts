/** Entries of the outbox as BSON: their number and time are put into the bytes, as often as they are written. */
import { StoreError } from "../store.ts";
import { TYPE } from "./bson-writer.ts";

/** Where the length of the `_id` of a document stands, a text: behind the document's own, its type and its name. */
const ID_LENGTH = 4 + 1 + "_id\0".length;
/** From the end of `_id` to the value of `seq`, and from the end of that to the value of `created_at`. */
const TO_SEQ = 1 + "seq\0".length;
const TO_CREATED_AT = 1 + "created_at\0".length;

/**
 * Puts the number and the time into the bytes of an entry, which has them right behind its `_id`. Format:
 * https://bsonspec.org/spec.html
 */
export function numberRow(row: Uint8Array, seq: bigint, createdAt: Date): void {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  const seqAt = ID_LENGTH + 4 + view.getInt32(ID_LENGTH, true) + TO_SEQ;
  const createdAtAt = seqAt + 8 + TO_CREATED_AT;
  if (row[seqAt - TO_SEQ] !== TYPE.int64 || row[createdAtAt - TO_CREATED_AT] !== TYPE.date) {
    throw new StoreError("no entry of the outbox: its number and time are not behind its _id");
  }
  view.setBigInt64(seqAt, seq, true);
  view.setBigInt64(createdAtAt, BigInt(createdAt.getTime()), true);
}
