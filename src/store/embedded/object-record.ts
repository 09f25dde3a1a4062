/** An object's record in memory: what is stored of it, and what alerts add before they are written. */
import type { Document } from "../../query/index.ts";
import type { HistoryUpdate } from "../alert-record.ts";
import type { ObjectRecord } from "../store.ts";
import { rankOf, rowKeyHash } from "./encoder.ts";
import { decodeDocument } from "./encoding.ts";
import { type HistoryReader, inOrder, keepBest, type ObjectRow, type RankedRow } from "./history-read.ts";

/** A row of the objects table, and who reads its histories. */
export interface StoredObject {
  readonly object: ObjectRow;
  readonly reader: HistoryReader;
}

interface History {
  /** Rows by the hashes of their keys, read when first asked for. */
  rows: Map<bigint, RankedRow> | undefined;
  sorted: Document[] | undefined;
  readonly updates: HistoryUpdate[];
}

/** Follows the rules of `HistoryWriter`, without writing; reads and decodes a history only when it is asked for. */
export class EmbeddedRecord implements ObjectRecord {
  /** Histories that are kept of this object; decided by its first alert. */
  #kept: Map<string, History> | undefined;
  #crossMatches: Document | undefined;

  /** `stored` is undefined for a new object. */
  constructor(readonly stored: StoredObject | undefined) {
    if (stored === undefined) return;
    const { object, reader } = stored;
    const isKept = (_: string, number: number) => ((Number(object.kept) >> number) & 1) === 1;
    this.#kept = new Map(reader.layout.fields.filter(isKept).map((field) => [field, emptyHistory()]));
  }

  get crossMatches(): Document {
    const text = this.stored?.object.cross_matches ?? null;
    this.#crossMatches ??= text === null ? {} : decodeDocument(text);
    return this.#crossMatches;
  }

  append(histories: readonly HistoryUpdate[]): void {
    this.#kept ??= new Map(
      histories.filter(({ startsRecord }) => startsRecord).map(({ field }) => [field, emptyHistory()]),
    );
    for (const update of histories) {
      const history = this.#kept.get(update.field);
      if (history === undefined || update.rows.length === 0) continue;
      history.updates.push(update);
      history.sorted = undefined;
    }
  }

  rows(field: string): readonly Document[] | undefined {
    const history = this.#kept?.get(field);
    if (history === undefined) return undefined;
    if (history.sorted !== undefined) return history.sorted;
    history.rows ??= this.#storedRows(field);
    for (const update of history.updates.splice(0)) takeIn(history.rows, update);
    history.sorted = inOrder(history.rows);
    return history.sorted;
  }

  #storedRows(field: string): Map<bigint, RankedRow> {
    if (this.stored === undefined) return new Map();
    const { object, reader } = this.stored;
    return reader.rows(object.n, reader.layout.fields.indexOf(field));
  }
}

const emptyHistory = (): History => ({ rows: undefined, sorted: undefined, updates: [] });

function takeIn(rows: Map<bigint, RankedRow>, update: HistoryUpdate): void {
  const rank = update.merge === "lowest-rank" ? rankOf(update.rank) : 0;
  update.rows.forEach((row, index) => {
    keepBest(rows, rowKeyHash(update.keys[index] ?? ""), { row, jd: update.jds[index] ?? 0, rank });
  });
}
