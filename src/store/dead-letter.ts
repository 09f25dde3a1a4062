/** A dead letter as every store keeps it. */
import type { Document } from "../query/index.ts";
import type { DeadLetter } from "./store.ts";

/** The document of `dead_letters`. */
export function letterDocument(letter: DeadLetter): Document {
  const { id, source, place, survey, reason, message, bytes } = letter;
  return {
    _id: id,
    source,
    place,
    ...(survey === undefined ? {} : { survey }),
    reason,
    message,
    bytes,
    created_at: new Date(),
  };
}
