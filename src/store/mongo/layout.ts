/**
 * The collections of a survey on MongoDB.
 *
 * What users know as one aux document per object is kept as an object and its chunks of history, so that an
 * alert adds one small document whatever the length of the record; `<survey>_alerts_aux` is a view that puts
 * them together. A database that another system filled has a collection of that name: it is read as it is.
 */
import type { Document as BsonDocument, Db } from "mongodb";
import type { AlertCollections } from "../alert-record.ts";
import { ALERT_INDEXES, OUTBOX_INDEXES } from "../indexes.ts";
import { type IndexDescription, UnfitStoreError } from "../store.ts";

/** Collections behind a view of objects. */
export const objectsOf = (aux: string): string => `${aux}.objects`;
export const chunksOf = (aux: string): string => `${aux}.chunks`;

/** Whether a name is of a collection that users see through a view. */
export function isBehindView(name: string): boolean {
  return /_aux\.(objects|chunks)$/.test(name);
}

/** Whether objects are documents of a collection `aux`, as another system writes them, and not behind our view. */
export async function isFilledByOthers(db: Db, aux: string): Promise<boolean> {
  const known = await db.listCollections({ name: aux }, { nameOnly: true }).toArray();
  return known.some(({ type }) => type !== "view");
}

const NAMESPACE_EXISTS = 48;

/** Makes what a survey needs and is not there: collections, view, indexes. */
export async function ensureSurvey(db: Db, collections: AlertCollections): Promise<void> {
  const { alerts, aux, cutouts } = collections;
  if (await isFilledByOthers(db, aux)) {
    throw new UnfitStoreError(
      `${db.databaseName}.${aux} is a collection of another system, not Kowalski's view: it can be queried, ` +
        "but alerts are ingested into a database of our own; name another one in the address of store",
    );
  }
  const objects = objectsOf(aux);
  const chunks = chunksOf(aux);
  for (const name of [alerts, cutouts, objects, chunks]) await createCollection(db, name, {});
  await createCollection(db, aux, { viewOn: objects, pipeline: auxView(chunks) });
  await ensureIndexes(db, alerts, ALERT_INDEXES);
  await ensureIndexes(db, chunks, [
    {
      name: "series",
      keys: [
        ["objectId", 1],
        ["max_jd", 1],
      ],
      unique: false,
    },
  ]);
}

/** Makes what the outbox needs: collections cannot be made where several hosts begin at once. */
export async function ensureOutbox(db: Db): Promise<void> {
  for (const name of ["outbox", "outbox_state", "reported_objects", "dead_letters", "sources"]) {
    await createCollection(db, name, {});
  }
  await ensureIndexes(db, "outbox", OUTBOX_INDEXES);
}

export async function createCollection(db: Db, name: string, options: BsonDocument): Promise<void> {
  try {
    await db.createCollection(name, options);
  } catch (error) {
    if ((error as { code?: unknown }).code !== NAMESPACE_EXISTS) throw error;
  }
}

export async function ensureIndexes(
  db: Db,
  name: string,
  indexes: readonly IndexDescription[],
): Promise<void> {
  const wanted = indexes.filter((index) => index.name !== "_id_");
  if (wanted.length === 0) return;
  await db
    .collection(name)
    .createIndexes(
      wanted.map(({ name: label, keys, unique }) => ({ name: label, key: new Map(keys), unique })),
    );
}

/** The stages that make an aux document of an object: a row that came twice is the one of the smallest rank, then the first. */
function auxView(chunks: string): BsonDocument[] {
  const rowsOfField = {
    $first: {
      $map: {
        input: { $filter: { input: "$series", cond: { $eq: ["$$this._id", "$$field"] } } },
        in: "$$this.rows",
      },
    },
  };
  return [
    {
      $lookup: {
        from: chunks,
        localField: "_id",
        foreignField: "objectId",
        pipeline: [
          { $unwind: "$rows" },
          { $sort: { rank: 1, sequence: 1 } },
          {
            $group: {
              _id: { field: "$field", key: "$rows.key" },
              jd: { $first: "$rows.jd" },
              row: { $first: "$rows.row" },
            },
          },
          { $sort: { jd: 1 } },
          { $group: { _id: "$_id.field", rows: { $push: "$row" } } },
        ],
        as: "series",
      },
    },
    {
      $replaceWith: {
        $mergeObjects: [
          { _id: "$_id" },
          {
            $arrayToObject: {
              $map: { input: "$kept", as: "field", in: { k: "$$field", v: { $ifNull: [rowsOfField, []] } } },
            },
          },
          { cross_matches: "$cross_matches" },
        ],
      },
    },
  ];
}

/** The indexes of a collection; none of one that is not there. */
export async function indexesOf(db: Db, name: string): Promise<IndexDescription[]> {
  return (await db.collection(name).indexes()).map(indexDescription);
}

function indexDescription(index: BsonDocument): IndexDescription {
  const keys = Object.entries(index["key"] as BsonDocument).map(
    ([path, kind]) => [path, kind === "2dsphere" ? kind : Number(kind) < 0 ? -1 : 1] as const,
  );
  return { name: String(index["name"]), keys, unique: index["unique"] === true || index["name"] === "_id_" };
}
