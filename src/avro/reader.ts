/**
 * Compiles a schema into a function that reads its values.
 *
 * Each type becomes one small function of generated JavaScript, so that a record is a literal with all
 * fields in schema order: one hidden class per type, which everything behind the decoder profits from.
 * (Closures over a list of fields reach 0.6 of the speed.) Values of long flat records are read by a loop that
 * all of them share, see `readFields`. Text of the schema enters the code only as JSON string literals.
 */
import type { ByteReader } from "./byte-reader.ts";
import { type FieldPlan, planFields, readFields } from "./fields.ts";
import { type FlatPlan, planFlat, readFlat } from "./flat.ts";
import type { RecordNode, SchemaNode } from "./schema.ts";
import type { AvroValue } from "./values.ts";

/** Reads one value; moves the reader behind it. */
export type ValueReader = (from: ByteReader) => AvroValue;

/**
 * Compiles the reader of a schema. It throws an `AvroError` where the data is not of this schema. Arrays of long flat
 * records that stand in the `flat` fields of the top record come as `FlatRecords`.
 */
export function compileReader(root: SchemaNode, flat: ReadonlySet<string> = NONE): ValueReader {
  const compiler = new ReaderCompiler(root, flat);
  const entry = compiler.name(root);
  const source = `"use strict";\n${compiler.functions.join("\n")}\nreturn ${entry};`;
  const make = new Function("setOwn", "readFields", "plans", "readFlat", "flatPlans", source);
  return make(setOwn, readFields, compiler.plans, readFlat, compiler.flatPlans) as ValueReader;
}

const NONE: ReadonlySet<string> = new Set();

/** Sets a map's entry; `__proto__` must become a key like any other. */
function setOwn(target: Record<string, AvroValue>, key: string, value: AvroValue): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    target[key] = value;
  }
}

/** Records with so many fields are long. */
const LONG = 16;

class ReaderCompiler {
  readonly functions: string[] = [];
  /** What the fields of long records are. */
  readonly plans: FieldPlan[] = [];
  /** The arrays that are read flat. */
  readonly flatPlans: FlatPlan[] = [];
  readonly #names = new Map<SchemaNode, string>();
  /** Unions of primitives repeat in every field: one function for each shape. */
  readonly #shapes = new Map<string, string>();
  readonly #least = new Map<SchemaNode, number>();

  constructor(
    readonly root: SchemaNode,
    readonly flat: ReadonlySet<string>,
  ) {}

  /** The name of the function that reads `node`, generated at first sight. */
  name(node: SchemaNode): string {
    const known = this.#names.get(node);
    if (known !== undefined) return known;
    const name = `${node.kind}${this.#names.size}`;
    this.#names.set(node, name);
    const body = this.#body(node);
    const same = node.kind === "union" ? this.#shapes.get(body) : undefined;
    if (same !== undefined) {
      this.#names.set(node, same);
      return same;
    }
    this.#shapes.set(body, name);
    this.functions.push(`function ${name}(t) { ${body} }`);
    return name;
  }

  /** An expression that reads `node`. */
  #read(node: SchemaNode): string {
    switch (node.kind) {
      case "record":
      case "array":
      case "map":
      case "union":
      case "enum":
        return `${this.name(node)}(t)`;
      case "fixed":
        return `t.fixed(${node.size})`;
      default:
        return `t.${node.kind}()`;
    }
  }

  #body(node: SchemaNode): string {
    switch (node.kind) {
      case "record":
        return this.#record(node);
      case "array":
        return `t.enter(1); const out = []; let n;
          while ((n = t.items(${this.#leastBytes(node.items)})) !== 0) {
            for (let i = 0; i < n; i++) out.push(${this.#read(node.items)});
          } t.leave(); return out;`;
      case "map":
        return `t.enter(1); const out = {}; let n;
          while ((n = t.items(${1 + this.#leastBytes(node.values)})) !== 0) {
            for (let i = 0; i < n; i++) { const key = t.string(); setOwn(out, key, ${this.#read(node.values)}); }
          } t.leave(); return out;`;
      case "union": {
        const cases = node.branches.map((branch, i) => `case ${i}: return ${this.#read(branch)};`);
        return `switch (t.index(${node.branches.length}, "a union's branch")) { ${cases.join(" ")} }`;
      }
      case "enum": {
        const what = JSON.stringify(`a symbol of ${node.name}`);
        return `return ${JSON.stringify(node.symbols)}[t.index(${node.symbols.length}, ${what})];`;
      }
      default:
        return `return ${this.#read(node)};`;
    }
  }

  #record(node: RecordNode): string {
    const { fields } = node;
    const plan = fields.length < LONG ? undefined : planFields(fields.map(({ type }) => type));
    const values =
      plan === undefined ? "" : `const values = readFields(t, plans[${this.plans.push(plan) - 1}]);`;
    // A computed key makes `__proto__` an own property; a field declared twice keeps its last value.
    const entries = fields.map(({ name, type }, index) => {
      const key = name === "__proto__" ? '["__proto__"]' : JSON.stringify(name);
      const isFlat = node === this.root && this.flat.has(name);
      const read = (isFlat ? this.#readFlat(type) : undefined) ?? this.#read(type);
      return `${key}: ${plan === undefined ? read : `values[${index}]`}`;
    });
    return `t.enter(${1 + fields.length}); ${values} const out = {${entries.join(", ")}}; t.leave(); return out;`;
  }

  /** An expression that reads an array of flat records, or null where that may be; undefined for other types. */
  #readFlat(type: SchemaNode): string | undefined {
    if (type.kind === "union") {
      const [first, second, ...more] = type.branches;
      const [array, isNull] = first?.kind === "null" ? [second, 0] : [first, 1];
      if (more.length > 0 || array === undefined || type.branches[isNull]?.kind !== "null") return undefined;
      const read = this.#readFlat(array);
      return read && `(t.index(2, "a union's branch") === ${isNull} ? null : ${read})`;
    }
    if (type.kind !== "array" || type.items.kind !== "record") return undefined;
    const { fields } = type.items;
    const plan = fields.length < LONG ? undefined : planFields(fields.map((field) => field.type));
    if (plan === undefined) return undefined;
    const names = fields.map(({ name }) => name);
    const flat = planFlat(names, plan, this.#leastBytes(type.items));
    return flat && `readFlat(t, flatPlans[${this.flatPlans.push(flat) - 1}])`;
  }

  /** How many bytes a value of this type has at least (a record inside itself counts as none). */
  #leastBytes(node: SchemaNode): number {
    switch (node.kind) {
      case "null":
        return 0;
      case "float":
        return 4;
      case "double":
        return 8;
      case "fixed":
        return node.size;
      case "union":
        return 1 + Math.min(...node.branches.map((branch) => this.#leastBytes(branch)));
      case "record": {
        const known = this.#least.get(node);
        if (known !== undefined) return known;
        this.#least.set(node, 0);
        const sum = node.fields.reduce((total, field) => total + this.#leastBytes(field.type), 0);
        this.#least.set(node, sum);
        return sum;
      }
      default:
        return 1;
    }
  }
}
