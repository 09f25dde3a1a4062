/** Leases: which of several processes does a thing that only one may do at a time. */
import type { Database } from "bun:sqlite";
import { insertDocuments } from "./documents.ts";
import { decodeDocument } from "./encoding.ts";
import { findLayout } from "./layout.ts";

export interface LeaseRequest {
  readonly name: string;
  readonly holder: string;
  /** Milliseconds after which others may take it; 0 gives it back. */
  readonly ttlMs: number;
}

/** Takes or renews a lease; answers whether `holder` has it. Needs a running write transaction. */
export function takeLease(database: Database, { name, holder, ttlMs }: LeaseRequest): boolean {
  const now = Date.now();
  const layout = findLayout(database, "leases");
  const row =
    layout === undefined ? null : database.query(`SELECT doc FROM c${layout.id} WHERE id = ?`).get(name);
  if (row !== null) {
    const held = decodeDocument((row as { doc: string }).doc);
    const until = held["until"];
    const runs = until instanceof Date && until.getTime() > now;
    if (runs && held["holder"] !== holder) return false;
  }
  insertDocuments(database, "leases", [{ _id: name, holder, until: new Date(now + ttlMs) }], "replace");
  return true;
}
