/** Random JSON schemas for `$jsonSchema`. */
import { type Document, double, setField, type Value } from "../../../src/query/index.ts";
import { anyNumber, anyOperand, anyScalar, fieldName } from "./documents.ts";
import type { Random } from "./random.ts";

type Make = (random: Random, documents: readonly Document[], depth: number) => Value;

const BSON_TYPES = "double string object array binData objectId bool date null int long decimal number".split(
  " ",
);
const JSON_TYPES = "object array number boolean string null integer".split(" ");

const count: Make = (random) => random.pick<Value>([0, 1, 2, 3, 2n, double(1), -1, 0.5]);
const names: Make = (random) => [...new Set(random.list(1, 2, () => fieldName(random)))];
const below: Make = (random, documents, depth) => anySchema(random, documents, depth - 1);
const several: Make = (random, documents, depth) => random.list(1, 2, () => below(random, documents, depth));
const boolOrSchema: Make = (random, documents, depth) =>
  random.chance(0.5) ? random.chance(0.5) : below(random, documents, depth);

/** Keywords that hold for any schema, with their arguments. */
const KEYWORDS: Readonly<Record<string, Make>> = {
  bsonType: (random) =>
    random.chance(0.7) ? random.pick(BSON_TYPES) : random.list(1, 3, () => random.pick(BSON_TYPES)),
  type: (random) =>
    random.chance(0.7) ? random.pick(JSON_TYPES) : random.list(1, 3, () => random.pick(JSON_TYPES)),
  enum: (random, documents) => random.list(1, 3, () => anyOperand(random, documents)),
  minimum: anyNumber,
  maximum: anyNumber,
  multipleOf: anyNumber,
  minLength: count,
  maxLength: count,
  pattern: (random) => random.pick(["a", "^a", "b$", "[0-9]"]),
  required: names,
  minProperties: count,
  maxProperties: count,
  minItems: count,
  maxItems: count,
  uniqueItems: (random) => random.chance(0.8),
  title: () => "t",
  description: (random) => (random.chance(0.9) ? "d" : 1),
};

const DEEP_KEYWORDS: Readonly<Record<string, Make>> = {
  properties: (random, documents, depth) =>
    fieldsOf(
      random,
      () => fieldName(random),
      () => below(random, documents, depth),
    ),
  patternProperties: (random, documents, depth) =>
    fieldsOf(
      random,
      () => random.pick(["a", "^[ab]", "0", "."]),
      () => below(random, documents, depth),
    ),
  additionalProperties: boolOrSchema,
  dependencies: (random, documents, depth) =>
    fieldsOf(
      random,
      () => fieldName(random),
      () => (random.chance(0.5) ? names(random, documents, depth) : below(random, documents, depth)),
    ),
  allOf: several,
  anyOf: several,
  oneOf: several,
  not: below,
  items: (random, documents, depth) =>
    random.chance(0.6) ? below(random, documents, depth) : several(random, documents, depth),
  additionalItems: boolOrSchema,
};

function fieldsOf(random: Random, name: () => string, make: () => Value): Document {
  const fields: Document = {};
  for (const field of random.list(1, 3, name)) setField(fields, field, make());
  return fields;
}

/** A schema of a few keywords, nested at most `depth` deep. */
export function anySchema(random: Random, documents: readonly Document[], depth: number): Document {
  const schema: Document = {};
  const keywords = random.chance(depth > 0 ? 0.7 : 0) ? DEEP_KEYWORDS : KEYWORDS;
  for (const name of random.list(1, 2, () => random.pick(Object.keys(keywords)))) {
    const make = keywords[name];
    if (make === undefined) continue;
    schema[name] = random.chance(0.03) ? anyScalar(random) : make(random, documents, depth);
    if ((name === "minimum" || name === "maximum") && random.chance(0.3)) {
      schema[name === "minimum" ? "exclusiveMinimum" : "exclusiveMaximum"] = random.chance(0.8);
    }
  }
  return schema;
}
