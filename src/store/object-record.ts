/** An object's record in memory: what is stored of it, and what alerts add before they are written. */
import type { Document } from "../query/index.ts";
import type { HistoryUpdate } from "./alert-record.ts";
import { documentOf } from "./flat-rows.ts";
import type { ObjectRecord } from "./store.ts";

/** A history row with its time and, where rows replace each other, the rank of the alert that brought it. */
export interface RankedRow {
  readonly row: Document;
  readonly jd: number;
  readonly rank: number;
}

/** What a store holds of one object; decoded only when it is asked for. */
export interface StoredObject {
  /** Names of the histories that are kept. */
  readonly kept: readonly string[];
  crossMatches(): Document;
  /** The rows of a history under the hashes of their keys. */
  rows(field: string): Map<bigint, RankedRow>;
}

interface History {
  /** Rows by the hashes of their keys, read when first asked for. */
  rows: Map<bigint, RankedRow> | undefined;
  sorted: Document[] | undefined;
  readonly updates: HistoryUpdate[];
}

/** Follows the rules by which writers merge histories, without writing. */
export class GrowingRecord implements ObjectRecord {
  /** Histories that are kept of this object; decided by its first alert. */
  #kept: Map<string, History> | undefined;
  #crossMatches: Document | undefined;

  /** `stored` is undefined for a new object. */
  constructor(readonly stored: StoredObject | undefined) {
    if (stored === undefined) return;
    this.#kept = new Map(stored.kept.map((field) => [field, emptyHistory()]));
  }

  get crossMatches(): Document {
    this.#crossMatches ??= this.stored?.crossMatches() ?? {};
    return this.#crossMatches;
  }

  append(histories: readonly HistoryUpdate[], crossMatches?: Document): void {
    if (this.stored === undefined) this.#crossMatches ??= crossMatches;
    this.#kept ??= new Map(
      histories.filter(({ startsRecord }) => startsRecord).map(({ field }) => [field, emptyHistory()]),
    );
    for (const update of histories) {
      const history = this.#kept.get(update.field);
      if (history === undefined || update.jds.length === 0) continue;
      history.updates.push(update);
      history.sorted = undefined;
    }
  }

  rows(field: string): readonly Document[] | undefined {
    const history = this.#kept?.get(field);
    if (history === undefined) return undefined;
    if (history.sorted !== undefined) return history.sorted;
    history.rows ??= this.stored?.rows(field) ?? new Map();
    for (const update of history.updates.splice(0)) takeIn(history.rows, update);
    history.sorted = inOrder(history.rows);
    return history.sorted;
  }
}

const emptyHistory = (): History => ({ rows: undefined, sorted: undefined, updates: [] });

function takeIn(rows: Map<bigint, RankedRow>, update: HistoryUpdate): void {
  const rank = rankOf(update);
  update.keys.forEach((text, index) => {
    const key = rowKeyHash(text);
    // Most are known: those that are not wanted need not become documents.
    if (!isBest(rows, key, rank)) return;
    rows.set(key, { row: rowOf(update, index), jd: update.jds[index] ?? 0, rank });
  });
}

/** Of two rows with one key the one with the smaller rank stays, at equal rank the first. */
export function keepBest(rows: Map<bigint, RankedRow>, key: bigint, row: RankedRow): void {
  if (isBest(rows, key, row.rank)) rows.set(key, row);
}

function isBest(rows: ReadonlyMap<bigint, RankedRow>, key: bigint, rank: number): boolean {
  const known = rows.get(key);
  return known === undefined || rank < known.rank;
}

function rowOf(update: HistoryUpdate, index: number): Document {
  return update.flat === undefined ? (update.rows[index] ?? {}) : documentOf(update.flat, index);
}

/** Rows in ascending `jd`. */
export function inOrder(rows: ReadonlyMap<bigint, RankedRow>): Document[] {
  const sorted = Array.from(rows.values()).sort((a, b) => a.jd - b.jd);
  return sorted.map(({ row }) => row);
}

/** A row's key as 64 unsigned bits. */
export function rowKeyHash(key: string): bigint {
  return BigInt(Bun.hash(key));
}

/** The rank of the rows of an update: the same for all where the first seen stays; an alert without a magnitude ranks behind all others. */
export function rankOf({ merge, rank }: Pick<HistoryUpdate, "merge" | "rank">): number {
  return merge === "lowest-rank" ? (rank ?? Number.POSITIVE_INFINITY) : 0;
}
