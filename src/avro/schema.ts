/** Parses a schema's JSON into a tree of nodes that the reader and writer compilers walk. */
import { SchemaError } from "./errors.ts";
import { MAX_DEPTH, MAX_SCHEMA_BYTES } from "./values.ts";

const PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"] as const;

export type Primitive = (typeof PRIMITIVES)[number];

export interface PrimitiveNode {
  readonly kind: Primitive;
}
export interface FixedNode {
  readonly kind: "fixed";
  readonly name: string;
  readonly size: number;
}
export interface EnumNode {
  readonly kind: "enum";
  readonly name: string;
  readonly symbols: readonly string[];
}
export interface ArrayNode {
  readonly kind: "array";
  readonly items: SchemaNode;
}
export interface MapNode {
  readonly kind: "map";
  readonly values: SchemaNode;
}
export interface UnionNode {
  readonly kind: "union";
  readonly branches: readonly SchemaNode[];
}
export interface FieldNode {
  readonly name: string;
  readonly type: SchemaNode;
}
/** `fields` is filled while the record is parsed, since a record may contain itself. */
export interface RecordNode {
  readonly kind: "record";
  readonly name: string;
  readonly fields: readonly FieldNode[];
}
export type SchemaNode = PrimitiveNode | FixedNode | EnumNode | ArrayNode | MapNode | UnionNode | RecordNode;

/**
 * Parses a schema given as JSON text (string or UTF-8 bytes) or as the parsed JSON.
 *
 * Defaults, aliases, order, docs and logical types play no part in reading what a writer wrote, so they
 * are not looked at: real surveys have defaults that do not fit their type. A field that is declared
 * twice stays twice, since its data is there twice. Throws `SchemaError` with `offset`.
 */
export function parseSchema(schema: string | Uint8Array | object, offset = 0): SchemaNode {
  return new SchemaParser(offset).type(schemaJson(schema, offset), "", 0);
}

function schemaJson(schema: string | Uint8Array | object, offset: number): unknown {
  if (typeof schema !== "string" && !(schema instanceof Uint8Array)) return schema;
  if (schema.length > MAX_SCHEMA_BYTES) {
    throw new SchemaError(
      `the schema has ${schema.length} bytes, expected at most ${MAX_SCHEMA_BYTES}`,
      offset,
    );
  }
  try {
    const text =
      typeof schema === "string" ? schema : new TextDecoder("utf-8", { fatal: true }).decode(schema);
    // A schema that is only a name ("string") is often given bare.
    return isPrimitive(text) ? text : JSON.parse(text);
  } catch (error) {
    throw new SchemaError(
      `the schema is not JSON: ${error instanceof Error ? error.message : error}`,
      offset,
    );
  }
}

function isPrimitive(name: string): name is Primitive {
  return (PRIMITIVES as readonly string[]).includes(name);
}

type Json = Readonly<Record<string, unknown>>;

class SchemaParser {
  readonly #named = new Map<string, SchemaNode>();
  readonly #primitives = new Map<Primitive, PrimitiveNode>();

  constructor(readonly offset: number) {}

  type(json: unknown, namespace: string, depth: number): SchemaNode {
    if (depth > MAX_DEPTH) this.#fail(`types are nested deeper than ${MAX_DEPTH}`);
    if (typeof json === "string") return this.#reference(json, namespace);
    if (Array.isArray(json)) return this.#union(json, namespace, depth);
    if (typeof json !== "object" || json === null) {
      return this.#fail(`expected a type's name, an object or a list of types, found ${shown(json)}`);
    }
    const object = json as Json;
    switch (object["type"]) {
      case "record":
      case "error":
        return this.#record(object, namespace, depth);
      case "enum":
        return this.#enum(object, namespace);
      case "fixed":
        return this.#fixed(object, namespace);
      case "array":
        return { kind: "array", items: this.type(object["items"], namespace, depth + 1) };
      case "map":
        return { kind: "map", values: this.type(object["values"], namespace, depth + 1) };
      default:
        return this.type(object["type"], namespace, depth + 1);
    }
  }

  #reference(name: string, namespace: string): SchemaNode {
    if (isPrimitive(name)) {
      const node = this.#primitives.get(name) ?? { kind: name };
      this.#primitives.set(name, node);
      return node;
    }
    const node = this.#named.get(qualified(name, namespace)) ?? this.#named.get(name);
    return (
      node ?? this.#fail(`unknown type ${shown(name)}: expected a primitive type or a name defined before`)
    );
  }

  #union(list: readonly unknown[], namespace: string, depth: number): UnionNode {
    if (list.length === 0) this.#fail("a union has no branches, expected at least one");
    const branches = list.map((branch) => this.type(branch, namespace, depth + 1));
    if (branches.some((branch) => branch.kind === "union"))
      this.#fail("a union stands directly inside a union");
    return { kind: "union", branches };
  }

  #record(json: Json, namespace: string, depth: number): RecordNode {
    const name = this.#name(json, namespace);
    const list = json["fields"];
    if (!Array.isArray(list))
      return this.#fail(`record ${name}: expected a list of fields, found ${shown(list)}`);
    const fields: FieldNode[] = [];
    const node: RecordNode = { kind: "record", name, fields };
    this.#define(name, node);
    const inner = name.includes(".") ? name.slice(0, name.lastIndexOf(".")) : "";
    for (const item of list as unknown[]) {
      if (typeof item !== "object" || item === null)
        this.#fail(`record ${name}: ${shown(item)} is not a field`);
      const field = item as Json;
      const fieldName = field["name"];
      if (typeof fieldName !== "string" || !isName(fieldName)) {
        return this.#fail(`record ${name}: ${shown(fieldName)} is not a field name`);
      }
      fields.push({ name: fieldName, type: this.type(field["type"], inner, depth + 1) });
    }
    return node;
  }

  #enum(json: Json, namespace: string): EnumNode {
    const name = this.#name(json, namespace);
    const symbols = json["symbols"];
    if (!Array.isArray(symbols) || !symbols.every((symbol): symbol is string => typeof symbol === "string")) {
      return this.#fail(`enum ${name}: expected a list of symbols, found ${shown(symbols)}`);
    }
    return this.#define(name, { kind: "enum", name, symbols });
  }

  #fixed(json: Json, namespace: string): FixedNode {
    const name = this.#name(json, namespace);
    const size = json["size"];
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      return this.#fail(`fixed ${name}: expected a size in bytes, found ${shown(size)}`);
    }
    return this.#define(name, { kind: "fixed", name, size });
  }

  #name(json: Json, namespace: string): string {
    const name = json["name"];
    if (typeof name !== "string" || !name.split(".").every(isName)) {
      return this.#fail(`expected the name of a ${json["type"]}, found ${shown(name)}`);
    }
    const own = json["namespace"];
    return qualified(name, typeof own === "string" ? own : namespace);
  }

  #define<N extends SchemaNode>(name: string, node: N): N {
    if (this.#named.has(name)) this.#fail(`the type ${name} is defined twice`);
    this.#named.set(name, node);
    return node;
  }

  #fail(reason: string): never {
    throw new SchemaError(`wrong schema: ${reason}`, this.offset);
  }
}

function qualified(name: string, namespace: string): string {
  return name.includes(".") || namespace === "" ? name : `${namespace}.${name}`;
}

function isName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** A value for an error message; never walks into objects, which may be deep. */
function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
