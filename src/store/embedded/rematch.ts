/** Replaces what is stored of the cross-matches of objects, inside a running write transaction. */
import type { Database } from "bun:sqlite";
import type { RematchedObjects } from "../store.ts";
import { decodeDocument, encodeDocument } from "./encoding.ts";
import { findLayout, noteChange } from "./layout.ts";

/** Lists of other catalogues stay; objects that are not stored are left out. */
export function rematchObjects(database: Database, { collections, objects }: RematchedObjects): void {
  const layout = findLayout(database, collections.aux);
  if (layout === undefined || objects.length === 0) return;
  const stored = database.query<{ cross_matches: string | null }, [string]>(
    `SELECT cross_matches FROM c${layout.id} WHERE id = ?`,
  );
  const update = database.query<null, [string, string]>(
    `UPDATE c${layout.id} SET cross_matches = ? WHERE id = ?`,
  );
  for (const { objectId, crossMatches } of objects) {
    const known = stored.get(objectId);
    if (known === null) continue;
    const before = known.cross_matches === null ? {} : decodeDocument(known.cross_matches);
    update.run(encodeDocument({ ...before, ...crossMatches }), objectId);
  }
  noteChange(database, layout, 0);
}
