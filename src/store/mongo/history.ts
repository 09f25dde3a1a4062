/**
 * What of a batch's histories is new: one read of the objects' states and of the keys stored in the batch's
 * time window, then decisions in memory, alert by alert in their order.
 */
import type { Db } from "mongodb";
import { Arena } from "./arena.ts";
import { BsonReader } from "./bson-reader.ts";
import { BsonWriter, TYPE } from "./bson-writer.ts";
import type { EncodedMongoHistory } from "./encoder.ts";
import { chunksOf, objectsOf } from "./layout.ts";
import { RawDocuments } from "./raw-insert.ts";
import { toBytes } from "./values.ts";

const NO_MATCHES = toBytes({});

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
  readonly objects: RawDocuments;
  readonly chunks: RawDocuments;
}

/** What is stored of a batch's objects, as far as the batch can meet it. */
export interface StoredHistory {
  /** The histories that are kept, by object. */
  readonly kept: Map<string, string[]>;
  /** By object and field: the smallest rank under which each key is stored. */
  readonly series: Map<string, Ranks>;
}

type Ranks = Map<bigint, number>;

/** Reads what is stored. `aux` is the name of the view of objects. */
export async function storedHistory(
  db: Db,
  aux: string,
  alerts: readonly HistoryInput[],
): Promise<StoredHistory> {
  const ids = [...new Set(alerts.map(({ objectId }) => objectId))];
  const [kept, series] = await Promise.all([
    keptHistories(db, aux, ids),
    storedSeries(db, aux, ids, earliest(alerts)),
  ]);
  return { kept, series };
}

/** Decides for alerts of one survey that are not stored; `stored` is taken along. */
export function newHistory({ kept, series }: StoredHistory, alerts: readonly HistoryInput[]): NewHistory {
  const out: NewHistory = { objects: new RawDocuments(), chunks: new RawDocuments() };
  const writer = new BsonWriter();
  const arena = new Arena();
  // Chunks are told apart in the order of their writing, also by hosts whose clocks agree to a millisecond.
  let sequence = BigInt(Date.now()) * 1_000_000n;
  for (const { candid, objectId, histories, crossMatches } of alerts) {
    let fields = kept.get(objectId);
    if (fields === undefined) {
      fields = histories.filter(({ startsRecord }) => startsRecord).map(({ field }) => field);
      kept.set(objectId, fields);
      writer.clear();
      writer.open();
      writer.field("_id", objectId);
      writer.field("kept", fields);
      writer.raw("cross_matches", crossMatches ?? NO_MATCHES);
      writer.close();
      out.objects.add(arena.keep(writer.written()));
    }
    for (const history of histories) {
      if (!fields.includes(history.field)) continue;
      const wanted = newRows(history, ranksOf(series, objectId, history.field));
      if (wanted.length === 0) continue;
      writer.clear();
      writer.open();
      writer.field("_id", `${objectId}/${history.field}/${candid}`);
      writer.field("objectId", objectId);
      writer.field("field", history.field);
      writer.int64("sequence", sequence++);
      writeRows(writer, history, wanted);
      writer.close();
      out.chunks.add(arena.keep(writer.written()));
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
): Promise<Map<string, Ranks>> {
  const series = new Map<string, Ranks>();
  const chunks = db
    .collection(chunksOf(aux))
    .find(
      { objectId: { $in: [...ids] }, max_jd: { $gte: since } },
      { projection: { objectId: 1, field: 1, rank: 1, "rows.key": 1 }, raw: true },
    );
  for await (const bytes of chunks) {
    const chunk = new Chunk(bytes as unknown as Uint8Array);
    const ranks = ranksOf(series, chunk.objectId, chunk.field);
    chunk.rows((key) => noteRank(ranks, key, chunk.rank));
  }
  return series;
}

/** A chunk of a history in BSON; its rows are read when they are asked for. */
export class Chunk {
  objectId = "";
  field = "";
  rank = 0;
  private readonly reader: BsonReader;
  private rowsAt = 0;

  constructor(bytes: Uint8Array) {
    const reader = new BsonReader(bytes);
    this.reader = reader;
    reader.fields(0, (name, type, at) => {
      if (name === "objectId") this.objectId = String(reader.value(type, at));
      else if (name === "field") this.field = String(reader.value(type, at));
      else if (name === "rank") this.rank = reader.number(type, at);
      else if (name === "rows") this.rowsAt = at;
    });
  }

  /** Calls back with each row's key, its time, and where it begins, for `row`. */
  rows(callback: (key: bigint, jd: number, at: number) => void): void {
    const { reader } = this;
    if (this.rowsAt === 0) return;
    reader.fields(this.rowsAt, (_index, _type, start) => {
      let key = 0n;
      let jd = 0;
      let row = 0;
      reader.fields(start, (name, type, at) => {
        if (name === "key") key = reader.int64(at);
        else if (name === "jd") jd = reader.number(type, at);
        else if (name === "row") row = at;
      });
      callback(key, jd, row);
    });
  }

  row(at: number) {
    return this.reader.document(at);
  }
}

function ranksOf(series: Map<string, Ranks>, objectId: string, field: string): Ranks {
  const name = `${objectId}/${field}`;
  const known = series.get(name);
  if (known !== undefined) return known;
  const made: Ranks = new Map();
  series.set(name, made);
  return made;
}

function noteRank(ranks: Ranks, key: bigint, rank: number): void {
  const known = ranks.get(key);
  if (known === undefined || rank < known) ranks.set(key, rank);
}

/** The places of rows that are not stored, or stored under a larger rank; they count as stored from now on. */
function newRows({ keys, rank }: EncodedMongoHistory, ranks: Ranks): number[] {
  const wanted: number[] = [];
  keys.forEach((key, index) => {
    const stored = ranks.get(key);
    if (stored === undefined || rank < stored) wanted.push(index);
  });
  for (const index of wanted) noteRank(ranks, keys[index] ?? 0n, rank);
  return wanted;
}

function writeRows(
  writer: BsonWriter,
  { rank, keys, jds, rows, ends }: EncodedMongoHistory,
  wanted: readonly number[],
): void {
  const times = wanted.map((index) => jds[index] ?? 0);
  writer.field("rank", rank);
  writer.field("min_jd", Math.min(...times));
  writer.field("max_jd", Math.max(...times));
  writer.open("rows", TYPE.array);
  wanted.forEach((index, place) => {
    writer.open(String(place));
    writer.int64("key", keys[index] ?? 0n);
    writer.field("jd", jds[index] ?? 0);
    writer.raw("row", rows.subarray(ends[index - 1] ?? 0, ends[index]));
    writer.close();
  });
  writer.close();
}
