/** Replaces what is stored of the cross-matches of objects. */
import type { AnyBulkWriteOperation, ClientSession, Db } from "mongodb";
import type { RematchedObjects } from "../store.ts";
import { isFilledByOthers, objectsOf } from "./layout.ts";
import { toDriver } from "./values.ts";

/** Lists of other catalogues stay; objects that are not stored are left out. */
export async function rematchObjects(
  db: Db,
  { collections, objects }: RematchedObjects,
  options: { readonly session?: ClientSession },
): Promise<void> {
  if (objects.length === 0) return;
  const updates = objects.map(({ objectId, crossMatches }): AnyBulkWriteOperation => {
    const fields = Object.entries(crossMatches).map(([catalog, list]) => [`cross_matches.${catalog}`, list]);
    return {
      updateOne: {
        filter: { _id: objectId as never },
        update: { $set: toDriver(Object.fromEntries(fields)) },
      },
    };
  });
  const { aux } = collections;
  const name = (await isFilledByOthers(db, aux)) ? aux : objectsOf(aux);
  await db.collection(name).bulkWrite(updates, { ordered: false, ...options });
}
