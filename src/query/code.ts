/**
 * Generated JavaScript as a value of its own type.
 *
 * Only the `code` template and names made by a `Scope` yield code; a plain string, number or boolean
 * that is interpolated becomes an escaped literal. So text of a user can reach generated code only as
 * data: injection is impossible by construction, not by care.
 */

/** A fragment of JavaScript source. Made only by `code`, `join` and `Scope`. */
export class Code {
  /** @internal */
  constructor(readonly text: string) {}
}

/** An identifier made by a `Scope`. */
export class Name extends Code {}

/** What may stand between the pieces of a `code` template. */
export type Interpolated = Code | string | number | boolean | null;

/**
 * Builds code from a template. `Code` is inserted as it is; strings, finite numbers, booleans and null
 * become literals; anything else must go through `Scope.constant`.
 */
export function code(pieces: TemplateStringsArray, ...values: Interpolated[]): Code {
  let text = pieces[0] ?? "";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? null;
    text += value instanceof Code ? value.text : literal(value);
    text += pieces[i + 1] ?? "";
  }
  return new Code(text);
}

/** Joins fragments with a separator that is itself code. */
export function join(fragments: readonly Code[], separator: Code = code`\n`): Code {
  let text = "";
  for (let i = 0; i < fragments.length; i++) {
    if (i > 0) text += separator.text;
    text += fragments[i]?.text ?? "";
  }
  return new Code(text);
}

/** Texts that are their own literals but for the quotes: most names and places. */
const PLAIN = /^[\w.$[\] -]*$/;

function literal(value: string | number | boolean | null): string {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "(-Infinity)";
    if (value < 0 || Object.is(value, -0)) return `(${Object.is(value, -0) ? "-0" : value})`;
    return String(value);
  }
  if (typeof value === "string" && PLAIN.test(value)) return `"${value}"`;
  // U+2028 and U+2029 are escaped so that the text stays one line for tools that read it.
  return JSON.stringify(value).replace(/[\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`);
}

/** Hands out fresh names and holds the outside values that generated code refers to. */
export class Scope {
  #next = 0;
  readonly #constants = new Map<unknown, { name: Name; value: unknown }>();

  /** A fresh identifier; `prefix` is for people who read the generated code (letters only). */
  name(prefix: string): Name {
    if (!/^[a-zA-Z]+$/.test(prefix)) throw new Error(`not a name prefix: ${prefix}`);
    return new Name(`${prefix}${this.#next++}`);
  }

  /** An outside value (function, object, bigint, RegExp …) by reference; the same value gets the same name. */
  constant(value: unknown, prefix = "k"): Name {
    const known = this.#constants.get(value);
    if (known !== undefined) return known.name;
    const name = this.name(prefix);
    this.#constants.set(value, { name, value });
    return name;
  }

  /**
   * A number as code. Thresholds stand outside of the text: filters that differ by them alone then run the same
   * code.
   */
  number(value: number): Code {
    return Number.isInteger(value) && Math.abs(value) <= MOST_LITERAL
      ? code`${value}`
      : this.constant(value, "c");
  }

  /**
   * Compiles `body` (statements with a `return`) into a function of `parameters`, closed over the
   * constants handed out so far.
   */
  compile<F extends object>(parameters: readonly Name[], body: Code): F {
    const entries = [...this.#constants.values()];
    const names = entries.map((entry) => entry.name.text);
    const source = `"use strict";\nreturn function (${parameters.map((p) => p.text).join(", ")}) {\n${body.text}\n};`;
    const make = maker(names, source);
    const made = make(...entries.map((entry) => entry.value)) as F;
    makers.set(made, make);
    return made;
  }
}

/** Greater numbers are thresholds of filters rather than part of what they do. */
const MOST_LITERAL = 2;

type Maker = (...constants: readonly unknown[]) => unknown;

/** What makes functions of the same text, as long as one of them is in use. */
const makerOfText = new Map<string, WeakRef<Maker>>();
/** Keeps a maker for as long as what it made. */
const makers = new WeakMap<object, Maker>();
const forgotten = new FinalizationRegistry<string>((text) => {
  if (makerOfText.get(text)?.deref() === undefined) makerOfText.delete(text);
});

/** Compiles a text, unless functions of the same text are in use: engines keep, profile and optimise them as one. */
function maker(names: readonly string[], source: string): Maker {
  const text = `${names.join()}\n${source}`;
  const known = makerOfText.get(text)?.deref();
  if (known !== undefined) return known;
  const made = new Function(...names, source) as Maker;
  makerOfText.set(text, new WeakRef(made));
  forgotten.register(made, text);
  return made;
}
