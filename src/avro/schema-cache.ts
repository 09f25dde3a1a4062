/** Keeps compiled schemas by their bytes: every packet carries its whole schema, few differ. */
import { AvroError, SchemaError } from "./errors.ts";
import { compileReader, type ValueReader } from "./reader.ts";
import { parseSchema, type SchemaNode } from "./schema.ts";

/** A schema ready to read with. */
export interface CompiledSchema {
  readonly node: SchemaNode;
  readonly read: ValueReader;
  /** A reader that leaves arrays of long flat records in these fields of the top record in their bytes. */
  readonly readFlat: (fields: ReadonlySet<string>) => ValueReader;
  /** Full name of the top type, e.g. `ztf.alert`; a primitive's is its kind. */
  readonly schemaName: string;
  /** Names of the top record's fields; empty for other types. */
  readonly fieldNames: ReadonlySet<string>;
}

interface Entry extends CompiledSchema {
  readonly bytes: Uint8Array;
}

/** Surveys have a dozen schema versions; a stream of nonsense must not fill memory with schemas. */
const CAPACITY = 64;

const entries = new Map<bigint | number, Entry>();

/**
 * The compiled schema with these bytes (UTF-8 JSON), compiled at first sight. Two schemas with the same
 * hash never mix: bytes are compared. Throws `SchemaError` with `offset`.
 */
export function compiledSchema(bytes: Uint8Array, offset = 0): CompiledSchema {
  const hash = Bun.hash(bytes);
  const known = entries.get(hash);
  if (known !== undefined && Buffer.compare(known.bytes, bytes) === 0) return known;
  // A copy, so that the entry does not keep a whole packet in memory.
  const entry = { ...compileSchema(bytes, offset), bytes: bytes.slice() };
  entries.delete(hash);
  if (entries.size >= CAPACITY) {
    for (const oldest of entries.keys()) {
      entries.delete(oldest);
      break;
    }
  }
  entries.set(hash, entry);
  return entry;
}

/** Compiles flat readers when they are asked for: few sets of fields ever are. */
function flatReaders(node: SchemaNode): CompiledSchema["readFlat"] {
  const known = new WeakMap<ReadonlySet<string>, ValueReader>();
  return (fields) => {
    let reader = known.get(fields);
    if (reader === undefined) {
      reader = compileReader(node, fields);
      known.set(fields, reader);
    }
    return reader;
  };
}

/** Compiles a schema without keeping it. Throws `SchemaError` with `offset`. */
export function compileSchema(schema: string | Uint8Array | object, offset = 0): CompiledSchema {
  try {
    const node = parseSchema(schema, offset);
    return {
      node,
      read: compileReader(node),
      readFlat: flatReaders(node),
      schemaName: "name" in node ? node.name : node.kind,
      fieldNames: new Set(node.kind === "record" ? node.fields.map((field) => field.name) : []),
    };
  } catch (error) {
    if (error instanceof AvroError) throw error;
    // The compiler walks references as deep as they go: a stack overflow is the schema's fault.
    throw new SchemaError(
      `the schema cannot be compiled: ${error instanceof Error ? error.message : error}`,
      offset,
    );
  }
}
