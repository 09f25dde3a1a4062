/**
 * Arrays of long flat records, such as the measurements of an object's history, left in their bytes.
 *
 * Most of what comes with an alert was stored with alerts before it, and nobody looks at it as objects: one pass
 * checks the data and notes where each value stands, and values are read from there by whoever wants them.
 */
import type { ByteReader } from "./byte-reader.ts";
import {
  BOOLEAN,
  DOUBLE,
  type FieldPlan,
  FLOAT,
  fieldIsNull,
  INT,
  KIND_BITS,
  LONG,
  readKind,
  STRING,
} from "./fields.ts";
import { type AvroRecord, type AvroValue, floating } from "./values.ts";

/** What a field of a flat record is. */
export const FlatKind = { BOOLEAN, INT, LONG, FLOAT, DOUBLE, STRING } as const;

/** The fields of records of one schema: the same object for all of them. */
export interface FlatFields {
  readonly names: readonly string[];
  /** Of each field, one of `FlatKind`, or another for bytes. */
  readonly kinds: Uint8Array;
  readonly columns: ReadonlyMap<string, number>;
}

/** How an array of flat records is read. */
export interface FlatPlan {
  readonly fields: FlatFields;
  readonly plan: FieldPlan;
  /** Bytes that a record has at least. */
  readonly least: number;
}

/** Names that as keys of an object stand in the order in which they were set. */
const PLAIN_NAME = /^(?!__proto__$)[A-Za-z_]\w*$/;

/** A plan for records with these fields; undefined where objects would not have just these in this order. */
export function planFlat(names: readonly string[], plan: FieldPlan, least: number): FlatPlan | undefined {
  const columns = new Map(names.map((name, index) => [name, index]));
  if (columns.size !== names.length || !names.every((name) => PLAIN_NAME.test(name))) return undefined;
  return { fields: { names, kinds: plan.steps.map((step) => step & KIND_BITS), columns }, plan, least };
}

/** Records as they stand in the data. Whoever keeps them keeps the data, and must leave it unchanged. */
export class FlatRecords {
  /** Reads the data, wherever it is. */
  readonly #from: ByteReader;
  readonly bytes: Uint8Array;

  constructor(
    readonly fields: FlatFields,
    readonly length: number,
    /** By record and field: one more than where the value begins; 0 for null. */
    readonly places: Uint32Array,
    from: ByteReader,
  ) {
    this.#from = from;
    this.bytes = from.source;
  }

  /** A value as a decoded record has it. */
  value(record: number, column: number): AvroValue {
    const place = this.places[record * this.fields.names.length + column] ?? 0;
    return place === 0 ? null : this.valueAt(place - 1, this.fields.kinds[column] ?? 0);
  }

  /** The value of this kind that begins there. */
  valueAt(at: number, kind: number): AvroValue {
    switch (kind) {
      case FLOAT:
        return floating(this.#from.floatAt(at));
      case DOUBLE:
        return floating(this.#from.doubleAt(at));
      case INT:
        return this.#from.intAt(at);
      default:
        return this.#from.at(at, (from) => readKind(from, kind));
    }
  }

  /** What stands at a column where it is an int, a float or a double; undefined for all else. */
  number(record: number, column: number | undefined): number | undefined {
    if (column === undefined) return undefined;
    const place = this.places[record * this.fields.names.length + column] ?? 0;
    if (place === 0) return undefined;
    switch (this.fields.kinds[column]) {
      case FLOAT:
        return this.#from.floatAt(place - 1);
      case DOUBLE:
        return this.#from.doubleAt(place - 1);
      case INT:
        return this.#from.intAt(place - 1);
      default:
        return undefined;
    }
  }

  /** The two halves of a long that begins there, in `words`: the low one first. */
  longAt(at: number, words: Int32Array): void {
    this.#from.longAt(at, words);
  }

  floatAt(at: number): number {
    return this.#from.floatAt(at);
  }

  doubleAt(at: number): number {
    return this.#from.doubleAt(at);
  }

  intAt(at: number): number {
    return this.#from.intAt(at);
  }

  /** All of them, decoded. */
  records(): AvroRecord[] {
    const { names } = this.fields;
    return Array.from({ length: this.length }, (_, record) => {
      const decoded: AvroRecord = {};
      names.forEach((name, column) => {
        decoded[name] = this.value(record, column);
      });
      return decoded;
    });
  }
}

/** Places for the records of many arrays: they are small. */
const POOL_PLACES = 65_536;
let pool = new Uint32Array(0);
let pooled = 0;

function placesFor(count: number): Uint32Array {
  if (count > POOL_PLACES / 4) return new Uint32Array(count);
  if (pooled + count > pool.length) {
    pool = new Uint32Array(POOL_PLACES);
    pooled = 0;
  }
  pooled += count;
  return pool.subarray(pooled - count, pooled);
}

/** The next array of flat records. Throws an `AvroError` where the data is not of this schema. */
export function readFlat(from: ByteReader, { fields, plan, least }: FlatPlan): FlatRecords {
  const width = fields.names.length;
  const blocks: Uint32Array[] = [];
  let length = 0;
  from.enter(1);
  for (let count = from.items(least); count !== 0; count = from.items(least)) {
    const places = placesFor(count * width);
    for (let i = 0; i < count; i++) {
      from.enter(1 + width);
      findFields(from, plan.steps, places, i * width);
      from.leave();
    }
    blocks.push(places);
    length += count;
  }
  from.leave();
  return new FlatRecords(fields, length, joined(blocks), from);
}

function joined(blocks: readonly Uint32Array[]): Uint32Array {
  const [only] = blocks;
  if (only !== undefined && blocks.length === 1) return only;
  const places = new Uint32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    places.set(block, at);
    at += block.length;
  }
  return places;
}

/** Moves over the fields of a record, noting where their values are. */
function findFields(from: ByteReader, steps: Uint8Array, places: Uint32Array, start: number): void {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as number;
    if (fieldIsNull(from, step)) {
      places[start + i] = 0;
      continue;
    }
    places[start + i] = from.pos + 1;
    switch (step & KIND_BITS) {
      case FLOAT:
        from.advance(4, "a float");
        break;
      case DOUBLE:
        from.advance(8, "a double");
        break;
      case LONG:
        from.skipLong();
        break;
      case STRING:
        from.skipString();
        break;
      default:
        readKind(from, step & KIND_BITS);
    }
  }
}
