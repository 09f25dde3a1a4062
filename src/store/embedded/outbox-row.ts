/** Entries of the outbox as rows, made on any thread; the writer puts their number and time in. */
import { matchDocument } from "../outbox-entry.ts";
import { type OutboxEntry, StoreError } from "../store.ts";
import { encodeDocument } from "./encoding.ts";
import { type IndexValue, indexReader } from "./index-values.ts";

/** The path by which entries are listed, and whose value goes with their text. */
export const FILTER_PATH = "document.filter";

const filterOf = indexReader(FILTER_PATH, "value");

export interface OutboxRow {
  /** The document, its number and time blank. */
  readonly text: string;
  /** What the index keeps of `FILTER_PATH`. */
  readonly filter: IndexValue;
}

export function outboxRow(entry: OutboxEntry): OutboxRow {
  const document = matchDocument(entry);
  return { text: encodeDocument(document), filter: filterOf(document) };
}

/** The end of `_id`, and behind it the blanks as `encodeDocument` writes them. */
const BLANK = '","seq":"0","created_at":0,';

/** The text of an entry with its number and time. */
export function numberedText(text: string, seq: bigint, createdAt: Date): string {
  // The first is the right one: within `_id` quotes are escaped.
  const at = text.indexOf(BLANK);
  if (at < 0) throw new StoreError(`no entry of the outbox: ${text.slice(0, 100)}`);
  const front = `${text.slice(0, at)}","seq":"${seq}","created_at":${createdAt.getTime()},`;
  return front + text.slice(at + BLANK.length);
}
