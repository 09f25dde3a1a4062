/** Emits the document that stages have made. */
import { type Code, code } from "../code.ts";
import type { Emitter } from "../expressions/index.ts";
import { compileInclusion } from "../projection/index.ts";
import { type Document, setField, type Value } from "../values.ts";
import type { Kept, Shape } from "./shape.ts";

/** Emits statements that make a document of a shape; answers where it is. */
export function emitDocument(emitter: Emitter, shape: Shape): Code {
  const { root } = emitter.environment;
  if (shape.isWhole) return root;
  const { kept, settings } = shape;
  const document = emitter.temporary("o");
  const replaced = new Set(settings.map(({ name }) => name));
  const start =
    kept.mode === "all" && kept.dropped.size === 0
      ? code`{ ...${root} }`
      : kept.mode === "only" && kept.names.size === 0
        ? code`{}`
        : code`${emitter.ref(picker(kept, replaced), "pick")}(${root})`;
  emitter.line(code`${document} = ${start};`);
  const there = new Set<string>();
  for (const { name, node, mayBeMissing } of settings) {
    const { code: value } = emitter.bound(node);
    const set = code`${document}[${name}] = ${value};`;
    if (!mayBeMissing) emitter.line(set);
    else if (shape.keeps(name) || there.has(name)) {
      emitter.line(code`if (${value} === undefined) delete ${document}[${name}]; else ${set}`);
    } else emitter.line(code`if (${value} !== undefined) ${set}`);
    there.add(name);
  }
  return document;
}

/** Makes the document of the kept fields. Those that will be replaced keep their places only, and are not read. */
function picker(kept: Kept, replaced: ReadonlySet<string>): (root: Document) => Document {
  const keeps =
    kept.mode === "all" ? (name: string) => !kept.dropped.has(name) : (name: string) => kept.names.has(name);
  const parts = new Map<string, (value: Value | undefined) => Value | undefined>();
  if (kept.mode === "only") {
    for (const [name, of] of kept.names) if (of !== undefined) parts.set(name, compileInclusion(of));
  }
  return (root) => {
    const document: Document = {};
    for (const name of Object.keys(root)) {
      if (!keeps(name)) continue;
      if (replaced.has(name)) {
        setField(document, name, null);
        continue;
      }
      const part = parts.get(name);
      const value = part === undefined ? root[name] : part(root[name]);
      if (value !== undefined) setField(document, name, value);
    }
    return document;
  };
}
