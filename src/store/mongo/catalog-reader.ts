/** Rows of catalogues for cross-matching, from MongoDB. */
import { deserialize } from "bson";
import type { Document as BsonDocument, Db } from "mongodb";
import type { Document } from "../../query/index.ts";
import { RADIANS_PER_DEGREE } from "../../sky/index.ts";
import { CATALOGS } from "../catalog.ts";
import {
  type CatalogReader,
  type CatalogState,
  type Cone,
  POSITION_PATH,
  type PositionPiece,
  positionOf,
  type RowKey,
} from "../catalog-reader.ts";
import { storeError } from "./errors.ts";
import { documentOf, toBytes } from "./values.ts";

/** States are looked at at most this often, milliseconds. */
const STATES_MS = 1000;
/** Cones of one condition: the server's work grows with the square of their number. */
const CONES_TOGETHER = 8;
/** Cones of one round trip. The stages of a pipeline are limited to a thousand. */
const CONES_PER_QUERY = 2000;
const PIECE = 2000;
/** Rounding of angles: cones are taken larger by a milliarcsecond, degrees. */
const MARGIN = 1 / 3_600_000;

/** Reads through the caller's connection. */
export class MongoCatalogReader implements CatalogReader {
  #states:
    | { readonly of: string; readonly at: number; readonly states: Map<string, CatalogState> }
    | undefined;

  constructor(readonly db: Db) {}

  async states(
    collections: readonly string[],
    { fresh = false } = {},
  ): Promise<ReadonlyMap<string, CatalogState>> {
    const of = collections.join("\n");
    const at = performance.now();
    if (!fresh && this.#states?.of === of && at - this.#states.at < STATES_MS) return this.#states.states;
    try {
      const filter = { name: { $in: [...collections] } };
      const [found, descriptions] = await Promise.all([
        this.db.listCollections(filter, { nameOnly: false }).toArray(),
        this.#find(CATALOGS, { _id: { $in: [...collections] } }),
      ]);
      const described = new Map(descriptions.map((each) => [each["_id"], nameOf(each)]));
      const states = await Promise.all(
        found.map(async ({ name, info }) => {
          const rows = await this.db.collection(name).estimatedDocumentCount();
          // Loads leave a description; rows that others add or remove are counted.
          const stamp = Bun.hash(described.get(name) ?? "").toString(36);
          return [name, { mark: `${info?.uuid?.toString() ?? ""}/${rows}/${stamp}`, rows }] as const;
        }),
      );
      this.#states = { of, at, states: new Map(states) };
      return this.#states.states;
    } catch (error) {
      throw storeError(error);
    }
  }

  async rowsNear(collection: string, cones: readonly Cone[]): Promise<Document[]> {
    const found = new Map<string, Document>();
    for (const some of piecesOf(cones, CONES_PER_QUERY)) {
      const [first, ...others] = piecesOf(some, CONES_TOGETHER).map((piece) => ({
        $match: { $or: piece.map(withinCone) },
      }));
      if (first === undefined) continue;
      const stages = [
        first,
        ...others.map((stage) => ({ $unionWith: { coll: collection, pipeline: [stage] } })),
      ];
      for (const row of await this.#aggregate(collection, stages)) found.set(nameOf(row["_id"]), row);
    }
    return [...found.values()];
  }

  async *positions(collection: string): AsyncGenerator<PositionPiece> {
    const projection = { _id: 1, [POSITION_PATH]: 1 };
    const cursor = this.db.collection(collection).find({}, { raw: true, projection, batchSize: PIECE });
    try {
      let piece: { longitudes: number[]; latitudes: number[]; keys: RowKey[] } = emptyPiece();
      for await (const bytes of cursor) {
        const row = documentOf(bytes as unknown as Uint8Array);
        const position = positionOf(row);
        if (position === undefined) continue;
        piece.longitudes.push(position[0]);
        piece.latitudes.push(position[1]);
        piece.keys.push(toBytes({ _id: row["_id"] }));
        if (piece.keys.length < PIECE) continue;
        yield packed(piece);
        piece = emptyPiece();
      }
      if (piece.keys.length > 0) yield packed(piece);
    } catch (error) {
      throw storeError(error);
    }
  }

  rows(collection: string, keys: readonly RowKey[]): Promise<Document[]> {
    if (keys.length === 0) return Promise.resolve([]);
    const ids = keys.map((key) => deserialize(key, { promoteValues: false })["_id"]);
    return this.#find(collection, { _id: { $in: ids } });
  }

  async #aggregate(collection: string, stages: BsonDocument[]): Promise<Document[]> {
    try {
      const cursor = this.db.collection(collection).aggregate(stages, { raw: true });
      return (await cursor.toArray()).map((bytes) => documentOf(bytes as unknown as Uint8Array));
    } catch (error) {
      throw storeError(error);
    }
  }

  async #find(collection: string, filter: BsonDocument): Promise<Document[]> {
    try {
      const cursor = this.db.collection(collection).find(filter, { raw: true });
      return (await cursor.toArray()).map((bytes) => documentOf(bytes as unknown as Uint8Array));
    } catch (error) {
      throw storeError(error);
    }
  }
}

function withinCone({ longitude, latitude, radius }: Cone): BsonDocument {
  const angle = (radius + MARGIN) * RADIANS_PER_DEGREE;
  return { [POSITION_PATH]: { $geoWithin: { $centerSphere: [[longitude, latitude], angle] } } };
}

function piecesOf<T>(list: readonly T[], size: number): T[][] {
  const pieces: T[][] = [];
  for (let from = 0; from < list.length; from += size) pieces.push(list.slice(from, from + size));
  return pieces;
}

/** A value as text that no other has. */
function nameOf(id: Document[string]): string {
  return Buffer.from(toBytes({ id })).toString("latin1");
}

const emptyPiece = () => ({
  longitudes: [] as number[],
  latitudes: [] as number[],
  keys: [] as RowKey[],
});

function packed(piece: { longitudes: number[]; latitudes: number[]; keys: RowKey[] }): PositionPiece {
  const { longitudes, latitudes, keys } = piece;
  return { longitudes: Float64Array.from(longitudes), latitudes: Float64Array.from(latitudes), keys };
}
