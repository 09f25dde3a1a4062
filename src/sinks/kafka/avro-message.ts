/**
 * A match with its alert as an Avro container file that carries its own schema, as the telescopes' packets do.
 * Alerts and annotations have no schema of their own here: it is read off the values.
 */
import { Encoder } from "../../avro/index.ts";
import type { Match } from "../../filters/index.ts";
import { type Document, double, printJson, typeOf, type Value } from "../../query/index.ts";

/** Encoders that are kept: alerts of a survey differ by which of their fields are null. */
const MOST_ENCODERS = 64;
const NAMESPACE = "kowalski";
/** What Avro allows as a name. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

type Schema = string | { readonly [key: string]: unknown } | readonly Schema[];

const encoders = new Map<string, Encoder>();

/**
 * The bytes of a match: record `kowalski.Match` with `id`, what the JSON form has, and `alert`, the stored
 * document. int64 are longs, int32 ints, doubles doubles, dates `timestamp-millis`, documents records (maps where
 * Avro has no such field name), and what Avro has no type for is its JSON text. Every field may be null.
 */
export function avroMessage(id: string, match: Match, alert: Document): Uint8Array {
  const { survey, candid, objectId, filter, group_id, filter_id, fid, passed_at, backfill, annotations } =
    match;
  const record: Document = {
    id,
    survey,
    candid,
    objectId,
    jd: double(match.jd),
    filter,
    group_id,
    filter_id,
    fid,
    passed_at,
    backfill,
    annotations: annotations ?? null,
    alert,
  };
  const encoder = encoderFor(recordOf([record], "Match"));
  return encoder.container([avroValue(record) as Record<string, unknown>]);
}

function encoderFor(schema: Schema): Encoder {
  const text = JSON.stringify(schema);
  const known = encoders.get(text);
  if (known !== undefined) return known;
  const encoder = new Encoder(text, { codec: "null" });
  for (const oldest of encoders.keys()) {
    if (encoders.size < MOST_ENCODERS) break;
    encoders.delete(oldest);
  }
  encoders.set(text, encoder);
  return encoder;
}

/** The schema of a place where these values stand, null among them; `name` is that of a record there. */
function schemaOf(values: readonly (Value | undefined)[], name: string): Schema {
  const branches: Schema[] = ["null"];
  const kinds = Map.groupBy(values, (value) => scalarOf(value));
  for (const kind of ["boolean", "int", "long", "double", "bytes", "string"]) {
    if (kinds.has(kind)) branches.push(kind);
  }
  // A union has one long: beside int64 a date is its milliseconds.
  if (kinds.has("date") && !kinds.has("long"))
    branches.push({ type: "long", logicalType: "timestamp-millis" });
  const arrays = kinds.get("array") as Value[][] | undefined;
  if (arrays !== undefined) branches.push({ type: "array", items: schemaOf(arrays.flat(), `${name}_item`) });
  const documents = kinds.get("object") as Document[] | undefined;
  if (documents !== undefined) branches.push(recordOf(documents, name));
  return branches;
}

/** One record for documents of one place; a map where a field has no name that Avro allows. */
function recordOf(documents: readonly Document[], name: string): Schema {
  const fields = new Map<string, (Value | undefined)[]>();
  for (const document of documents) {
    for (const [field, value] of Object.entries(document)) {
      const values = fields.get(field);
      if (values === undefined) fields.set(field, [value]);
      else values.push(value);
    }
  }
  if (!fields.keys().every((field) => NAME.test(field))) {
    return { type: "map", values: schemaOf([...fields.values()].flat(), `${name}_value`) };
  }
  return {
    type: "record",
    name,
    namespace: NAMESPACE,
    // Two underscores: `a__b` is field b of a, `a_b` may be a field.
    fields: [...fields].map(([field, values]) => ({
      name: field,
      type: schemaOf(values, `${name}__${field}`),
      default: null,
    })),
  };
}

function scalarOf(value: Value | undefined): string {
  const type = typeOf(value);
  switch (type) {
    case "missing":
    case "null":
      return "null";
    case "bool":
      return "boolean";
    case "date":
      return Number.isNaN((value as Date).getTime()) ? "null" : type;
    case "int":
    case "long":
    case "double":
    case "array":
    case "object":
      return type;
    case "binData":
      return value instanceof Uint8Array ? "bytes" : "string";
    default:
      return "string";
  }
}

/** The value as its schema takes it. */
function avroValue(value: Value | undefined): unknown {
  switch (scalarOf(value)) {
    case "null":
      return null;
    case "array":
      return (value as Value[]).map(avroValue);
    case "object": {
      const entries = Object.entries(value as Document);
      return Object.fromEntries(entries.map(([field, item]) => [field.toWellFormed(), avroValue(item)]));
    }
    case "date":
      return BigInt((value as Date).getTime());
    case "string":
      return (typeof value === "string" ? value : printJson(value as Value)).toWellFormed();
    default:
      return value;
  }
}
