/**
 * Reads the fields of long flat records, such as the dozens of numbers of a measurement, by a list of what each is.
 *
 * One small loop for all of them: as code of its own a record of forty optional numbers takes the optimising compiler
 * half a second, on every thread anew, and reads them no faster.
 */
import type { ByteReader } from "./byte-reader.ts";
import type { SchemaNode } from "./schema.ts";
import type { AvroValue } from "./values.ts";

/** Kinds of fields, and the bits that say which branch of a union is null. */
const KINDS = ["boolean", "int", "long", "float", "double", "bytes", "string"] as const;
export const KIND_BITS = 7;
const NULL_FIRST = 8;
const NULL_SECOND = 16;
export const [BOOLEAN, INT, LONG, FLOAT, DOUBLE, , STRING] = [0, 1, 2, 3, 4, 5, 6] as const;

/** How the fields of a record are read. */
export interface FieldPlan {
  /** What each field is. */
  readonly steps: Uint8Array;
  /** Where the values are put, until the next record: none of them is a record, so no two are read at a time. */
  readonly values: AvroValue[];
}

/** A plan for fields of these types; undefined when one is neither a primitive nor an optional one. */
export function planFields(types: readonly SchemaNode[]): FieldPlan | undefined {
  const steps = types.map(stepOf);
  if (!steps.every((step) => step !== undefined)) return undefined;
  return { steps: Uint8Array.from(steps), values: steps.map(() => null) };
}

function stepOf(type: SchemaNode): number | undefined {
  if (type.kind !== "union") return kindOf(type);
  const [first, second, ...more] = type.branches;
  if (first === undefined || second === undefined || more.length > 0) return undefined;
  const [kind, mark] = first.kind === "null" ? [kindOf(second), NULL_FIRST] : [kindOf(first), NULL_SECOND];
  if (mark === NULL_SECOND && second.kind !== "null") return undefined;
  return kind === undefined ? undefined : kind | mark;
}

function kindOf({ kind }: SchemaNode): number | undefined {
  const index = (KINDS as readonly string[]).indexOf(kind);
  return index < 0 ? undefined : index;
}

/** The values of the fields, until the next call; throws an `AvroError` where the data is not of this schema. */
export function readFields(from: ByteReader, { steps, values }: FieldPlan): readonly AvroValue[] {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as number;
    values[i] = fieldIsNull(from, step) ? null : readKind(from, step & KIND_BITS);
  }
  return values;
}

/** Reads which branch an optional field has; answers whether it is null. */
export function fieldIsNull(from: ByteReader, step: number): boolean {
  if (step < NULL_FIRST) return false;
  const isSecond = from.index(2, "a union's branch") === 1;
  return isSecond === step >= NULL_SECOND;
}

/** Reads a value of this kind. */
export function readKind(from: ByteReader, kind: number): AvroValue {
  switch (kind) {
    case FLOAT:
      return from.float();
    case DOUBLE:
      return from.double();
    case INT:
      return from.int();
    case LONG:
      return from.long();
    case STRING:
      return from.string();
    case BOOLEAN:
      return from.boolean();
    default:
      return from.bytes();
  }
}
