/** Compiles a schema into a function that writes its values, the mirror of `reader.ts`. */
import { type ByteWriter, Mismatch } from "./byte-writer.ts";
import { branchOf, isPlainObject, own } from "./fit.ts";
import type { SchemaNode, UnionNode } from "./schema.ts";

/** Appends one value; throws `Mismatch` when it does not fit the schema. */
export type ValueWriter = (to: ByteWriter, value: unknown) => void;

/** What generated code calls. */
const runtime = {
  own,
  branch(union: UnionNode, value: unknown): number {
    const index = branchOf(union, value);
    if (index < 0) throw new Mismatch();
    return index;
  },
  object(value: unknown): void {
    if (!isPlainObject(value)) throw new Mismatch();
  },
  array(value: unknown): void {
    if (!Array.isArray(value)) throw new Mismatch();
  },
};

/** Compiles the writer of a schema. Text of the schema enters the code only as JSON string literals. */
export function compileWriter(root: SchemaNode): ValueWriter {
  const compiler = new WriterCompiler();
  const entry = compiler.name(root);
  const source = `"use strict";\n${compiler.functions.join("\n")}\nreturn ${entry};`;
  return new Function("k", "run", source)(compiler.constants, runtime) as ValueWriter;
}

class WriterCompiler {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  readonly #names = new Map<SchemaNode, string>();

  /** The name of the function that writes `node`, generated at first sight. */
  name(node: SchemaNode): string {
    const known = this.#names.get(node);
    if (known !== undefined) return known;
    const name = `${node.kind}${this.#names.size}`;
    this.#names.set(node, name);
    this.functions.push(`function ${name}(w, v) { ${this.#body(node)} }`);
    return name;
  }

  /** A statement that writes the value of the expression `value` as `node`. */
  #write(node: SchemaNode, value: string): string {
    switch (node.kind) {
      case "record":
      case "array":
      case "map":
      case "union":
        return `${this.name(node)}(w, ${value});`;
      case "enum":
        return `w.enum(${value}, ${this.#constant(new Map(node.symbols.map((symbol, index) => [symbol, index])))});`;
      case "fixed":
        return `w.fixed(${value}, ${node.size});`;
      case "bytes":
        return `w.bytesOf(${value});`;
      default:
        return `w.${node.kind}(${value});`;
    }
  }

  #body(node: SchemaNode): string {
    switch (node.kind) {
      case "record": {
        const fields = node.fields.map((field) => this.#write(field.type, property(field.name)));
        return `run.object(v); w.enter(); ${fields.join(" ")} w.leave();`;
      }
      case "array":
        return `run.array(v); w.enter(); if (v.length > 0) { w.int(v.length);
          for (let i = 0; i < v.length; i++) { ${this.#write(node.items, "v[i]")} } } w.int(0); w.leave();`;
      case "map":
        return `run.object(v); w.enter(); const keys = Object.keys(v); if (keys.length > 0) { w.int(keys.length);
          for (const key of keys) { w.string(key); ${this.#write(node.values, "v[key]")} } } w.int(0); w.leave();`;
      case "union":
        return this.#union(node);
      default:
        return this.#write(node, "v");
    }
  }

  #union(node: UnionNode): string {
    const nulls = node.branches.findIndex((branch) => branch.kind === "null");
    const other = node.branches[1 - nulls];
    if (node.branches.length === 2 && nulls >= 0 && other !== undefined) {
      return `if (v === null || v === undefined) w.int(${nulls}); else { w.int(${1 - nulls}); ${this.#write(other, "v")} }`;
    }
    const cases = node.branches.map((branch, index) => `case ${index}: ${this.#write(branch, "v")} break;`);
    return `const b = run.branch(${this.#constant(node)}, v); w.int(b); switch (b) { ${cases.join(" ")} }`;
  }

  #constant(value: unknown): string {
    return `k[${this.constants.push(value) - 1}]`;
  }
}

/** Reads a field. Only names that every object inherits need the slow way. */
function property(name: string): string {
  const key = JSON.stringify(name);
  return name in Object.prototype ? `run.own(v, ${key})` : `v[${key}]`;
}
