/**
 * What of a batch's histories is new: one read of the objects' states and of the keys stored in the batch's
 * time window, then decisions in memory, alert by alert in their order.
 */
import type { Document as BsonDocument, Db } from "mongodb";
import type { EncodedMongoHistory } from "./encoder.ts";
import { chunksOf, objectsOf } from "./layout.ts";
import { bytesToDriver } from "./values.ts";

/** One alert's part in the histories of its object. */
export interface HistoryInput {
  readonly candid: bigint;
  readonly objectId: string;
  readonly histories: readonly EncodedMongoHistory[];
  /** BSON of the object's matches, when it was matched. */
  readonly crossMatches?: Uint8Array | undefined;
}

/** Documents to insert. */
export interface NewHistory {
  readonly objects: BsonDocument[];
  readonly chunks: BsonDocument[];
}

interface Series {
  /** The smallest rank under which each key is stored. */
  readonly ranks: Map<bigint, number>;
}

/** Decides for alerts of one survey. `aux` is the name of its view of objects. */
export async function newHistory(db: Db, aux: string, alerts: readonly HistoryInput[]): Promise<NewHistory> {
  const ids = [...new Set(alerts.map(({ objectId }) => objectId))];
  const kept = await keptHistories(db, aux, ids);
  const known = ids.filter((id) => kept.has(id));
  const series = await storedSeries(db, aux, known, earliest(alerts));
  const out: NewHistory = { objects: [], chunks: [] };
  // Chunks are told apart in the order of their writing, also by hosts whose clocks agree to a millisecond.
  let sequence = BigInt(Date.now()) * 1_000_000n;
  for (const { candid, objectId, histories, crossMatches } of alerts) {
    let fields = kept.get(objectId);
    if (fields === undefined) {
      fields = histories.filter(({ startsRecord }) => startsRecord).map(({ field }) => field);
      kept.set(objectId, fields);
      const matches = crossMatches === undefined ? {} : bytesToDriver(crossMatches);
      out.objects.push({ _id: objectId, kept: fields, cross_matches: matches });
    }
    for (const history of histories) {
      if (!fields.includes(history.field)) continue;
      const chunk = newChunk(history, seriesOf(series, objectId, history.field));
      if (chunk === undefined) continue;
      const _id = `${objectId}/${history.field}/${candid}`;
      out.chunks.push({ _id, objectId, field: history.field, sequence: sequence++, ...chunk });
    }
  }
  return out;
}

function earliest(alerts: readonly HistoryInput[]): number {
  let jd = Number.POSITIVE_INFINITY;
  for (const { histories } of alerts) {
    for (const { jds } of histories) for (const each of jds) if (each < jd) jd = each;
  }
  return jd;
}

/** The histories that are kept of each known object. */
async function keptHistories(db: Db, aux: string, ids: readonly string[]): Promise<Map<string, string[]>> {
  const found = await db
    .collection<{ _id: string; kept: string[] }>(objectsOf(aux))
    .find({ _id: { $in: [...ids] } }, { projection: { kept: 1 } })
    .toArray();
  return new Map(found.map(({ _id, kept }) => [_id, kept]));
}

async function storedSeries(
  db: Db,
  aux: string,
  ids: readonly string[],
  since: number,
): Promise<Map<string, Series>> {
  const series = new Map<string, Series>();
  if (ids.length === 0) return series;
  const chunks = db
    .collection(chunksOf(aux))
    .find(
      { objectId: { $in: ids }, max_jd: { $gte: since } },
      { projection: { objectId: 1, field: 1, rank: 1, "rows.key": 1 } },
    );
  for await (const { objectId, field, rank, rows } of chunks) {
    const { ranks } = seriesOf(series, objectId, field);
    const number = Number(rank);
    for (const { key } of rows as { key: bigint }[]) noteRank(ranks, key, number);
  }
  return series;
}

function seriesOf(series: Map<string, Series>, objectId: string, field: string): Series {
  const name = `${objectId}/${field}`;
  const known = series.get(name);
  if (known !== undefined) return known;
  const made: Series = { ranks: new Map() };
  series.set(name, made);
  return made;
}

function noteRank(ranks: Map<bigint, number>, key: bigint, rank: number): void {
  const known = ranks.get(key);
  if (known === undefined || rank < known) ranks.set(key, rank);
}

/** The rows of a history that are not stored, or stored under a larger rank; undefined when there are none. */
function newChunk(history: EncodedMongoHistory, { ranks }: Series): BsonDocument | undefined {
  const { keys, jds, rank } = history;
  const wanted: number[] = [];
  keys.forEach((key, index) => {
    const stored = ranks.get(key);
    if (stored === undefined || rank < stored) wanted.push(index);
  });
  if (wanted.length === 0) return undefined;
  const rows = bytesToDriver(history.rows)["rows"] as BsonDocument[];
  const times = wanted.map((i) => jds[i] ?? 0);
  for (const i of wanted) noteRank(ranks, keys[i] ?? 0n, rank);
  return {
    rank,
    min_jd: Math.min(...times),
    max_jd: Math.max(...times),
    rows: wanted.map((i) => ({ key: keys[i] ?? 0n, jd: jds[i] ?? 0, row: rows[i] ?? {} })),
  };
}
