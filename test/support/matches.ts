/** Matches as the broker hands them to the writer of a store. */
import { type Match, outboxEntryOf } from "../../src/filters/index.ts";
import { type AlertBatch, type AlertEncoder, embeddedEncoder } from "../../src/store/index.ts";

/** A batch of nothing but matches, for a store of the encoder's kind. */
export function matchBatch(matches: readonly Match[], encoder: AlertEncoder = embeddedEncoder()): AlertBatch {
  const outbox = matches.map((match) => encoder.encodeEntry(outboxEntryOf(match)));
  return { alerts: [], deadLetters: [], outbox, positions: [] };
}
