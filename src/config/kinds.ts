/** The building blocks of the configuration's schema: a kind reads a value, has a default, and documents itself. */
import { nearest } from "./nearest.ts";

/** A wrong key or value: names where it stands, what was expected, and where it came from. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(
    /** Path of the key, e.g. `server.port`; empty for a whole file. */
    readonly path: string,
    readonly reason: string,
    /** The file, or `environment`, or `command line`. */
    readonly origin: string,
  ) {
    super(`${origin}: ${path === "" ? "" : `${path}: `}${reason}`);
  }
}

/** Where a value stands, for errors and notes. */
export interface Place {
  readonly path: string;
  readonly origin: string;
  /** Told things that are not errors, e.g. that a key is unused. */
  readonly note: (text: string) => void;
}

export interface Kind<T> {
  /** In words, for errors and documentation: `an integer from 1 to 65535`. */
  readonly expected: string;
  readonly doc: string;
  readonly secret: boolean;
  readonly default: T;
  /** Checks a value as it stands in a file; throws `ConfigError`. */
  read(value: unknown, place: Place): T;
  /** The value of an environment variable or flag in the form `read` takes. */
  fromText(text: string): unknown;
}

export type Infer<K> = K extends Kind<infer T> ? T : never;

interface Described {
  readonly doc: string;
  readonly secret?: boolean;
}

interface ScalarParts<T> extends Described {
  readonly expected: string;
  readonly default: T;
  readonly accept: (value: unknown) => T | undefined;
  readonly fromText?: (text: string) => unknown;
}

function scalar<T>(parts: ScalarParts<T>): Kind<T> {
  const secret = parts.secret ?? false;
  return {
    expected: parts.expected,
    doc: parts.doc,
    secret,
    default: parts.default,
    read(value, place) {
      const accepted = parts.accept(value);
      if (accepted !== undefined) return accepted;
      throw new ConfigError(
        place.path,
        `expected ${parts.expected}, got ${shown(value, secret)}`,
        place.origin,
      );
    },
    fromText: parts.fromText ?? ((text) => text),
  };
}

/** Text; with `pattern`, only such that fits it. */
export function text(
  parts: Described & { default: string; pattern?: RegExp; expected?: string },
): Kind<string> {
  return scalar({
    ...parts,
    expected: parts.expected ?? "a text",
    accept: (value) =>
      typeof value === "string" && (parts.pattern === undefined || parts.pattern.test(value))
        ? value
        : undefined,
  });
}

/** A whole number within bounds, both included. `null` as default and in files means: not set. */
export function integer(parts: Described & { default: number; min: number; max: number }): Kind<number> {
  return scalar({
    ...parts,
    expected: `an integer from ${parts.min} to ${parts.max}`,
    accept: (value) =>
      typeof value === "number" && Number.isInteger(value) && value >= parts.min && value <= parts.max
        ? value
        : undefined,
    fromText: (given) => (/^[+-]?\d+$/.test(given.trim()) ? Number(given) : given),
  });
}

/** A number within bounds, both included. */
export function number(parts: Described & { default: number; min: number; max: number }): Kind<number> {
  return scalar({
    ...parts,
    expected: `a number from ${parts.min} to ${parts.max}`,
    accept: (value) =>
      typeof value === "number" && value >= parts.min && value <= parts.max ? value : undefined,
    fromText: (given) => (/^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(given.trim()) ? Number(given) : given),
  });
}

/** true or false. */
export function flag(parts: Described & { default: boolean }): Kind<boolean> {
  return scalar({
    ...parts,
    expected: "true or false",
    accept: (value) => (typeof value === "boolean" ? value : undefined),
    fromText: (given) =>
      /^(true|1|yes|on)$/i.test(given) ? true : /^(false|0|no|off)$/i.test(given) ? false : given,
  });
}

/** One of several words. */
export function choice<const C extends string>(
  parts: Described & { default: NoInfer<C>; choices: readonly C[] },
): Kind<C> {
  return scalar<C>({
    ...parts,
    expected: `one of ${parts.choices.join(", ")}`,
    accept: (value) => parts.choices.find((option) => option === value),
  });
}

export interface ListKind<T> extends Kind<readonly T[]> {
  readonly item: Kind<T>;
}

/** A list; empty by default. From text: JSON, or items separated by commas. */
export function list<T>(parts: Described & { item: Kind<T> }): ListKind<T> {
  return {
    item: parts.item,
    expected: `a list of ${parts.item.expected}`,
    doc: parts.doc,
    secret: parts.secret ?? false,
    default: [],
    read(value, place) {
      if (!Array.isArray(value)) {
        throw new ConfigError(
          place.path,
          `expected ${this.expected}, got ${shown(value, this.secret)}`,
          place.origin,
        );
      }
      return value.map((item, index) => parts.item.read(item, { ...place, path: `${place.path}[${index}]` }));
    },
    fromText(given) {
      const trimmed = given.trim();
      if (trimmed.startsWith("[")) return parseJson(trimmed) ?? given;
      return trimmed === "" ? [] : trimmed.split(",").map((item) => parts.item.fromText(item.trim()));
    },
  };
}

/** A JSON object with any keys, such as a query. From text: JSON. */
export function document(parts: Described): Kind<Readonly<Record<string, unknown>>> {
  return scalar({
    ...parts,
    expected: "an object",
    default: {},
    accept: (value) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? (value as Readonly<Record<string, unknown>>)
        : undefined,
    fromText: (given) => parseJson(given) ?? given,
  });
}

export interface RecordKind<T> extends Kind<Readonly<Record<string, T>>> {
  readonly item: Kind<T>;
}

/** An object whose keys are names that users choose; empty by default. From text: JSON. */
export function record<T>(parts: Described & { item: Kind<T> }): RecordKind<T> {
  const { item } = parts;
  return {
    item,
    expected: `an object of names, each with ${item.expected}`,
    doc: parts.doc,
    secret: parts.secret ?? false,
    default: {},
    read(value, place) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new ConfigError(
          place.path,
          `expected ${this.expected}, got ${shown(value, this.secret)}`,
          place.origin,
        );
      }
      const entries = Object.entries(value).map(([name, one]) => {
        const path = place.path === "" ? name : `${place.path}.${name}`;
        return [name, item.read(one, { ...place, path })] as const;
      });
      return Object.fromEntries(entries);
    },
    fromText: (given) => parseJson(given) ?? given,
  };
}

/** May be left out; `null` in a file means the same. */
export function optional<T>(kind: Kind<T>): Kind<T | undefined> {
  return {
    ...kind,
    default: undefined,
    read: (value, place) => (value === null || value === undefined ? undefined : kind.read(value, place)),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the bound of a generic over kinds of every type
export type Fields = Readonly<Record<string, Kind<any>>>;
type ObjectOf<F extends Fields> = { readonly [K in keyof F]: Infer<F[K]> };

export interface ObjectKind<F extends Fields> extends Kind<ObjectOf<F>> {
  readonly fields: F;
  /** Keys of retired parts and why they are unused. */
  readonly retired: Readonly<Record<string, string>>;
  /** Reads only the keys that are given, so that layers can be laid over each other. */
  readPartial(value: unknown, place: Place): Partial<ObjectOf<F>>;
}

/** An object with known keys. */
export function object<F extends Fields>(
  parts: Described & {
    fields: F;
    retired?: Record<string, string>;
    required?: readonly (keyof F & string)[];
  },
): ObjectKind<F> {
  const { fields } = parts;
  const retired = parts.retired ?? {};
  const defaults = Object.fromEntries(Object.entries(fields).map(([key, kind]) => [key, kind.default]));
  const kind: ObjectKind<F> = {
    expected: `an object with ${Object.keys(fields).join(", ")}`,
    doc: parts.doc,
    secret: parts.secret ?? false,
    fields,
    retired,
    default: defaults as ObjectOf<F>,
    read(value, place) {
      const given = kind.readPartial(value, place);
      for (const key of parts.required ?? []) {
        if (given[key] === undefined) throw new ConfigError(place.path, `${key} is missing`, place.origin);
      }
      return { ...kind.default, ...given };
    },
    readPartial(value, place) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new ConfigError(
          place.path,
          `expected ${kind.expected}, got ${shown(value, kind.secret)}`,
          place.origin,
        );
      }
      return readKeys(kind, value as Record<string, unknown>, place) as Partial<ObjectOf<F>>;
    },
    fromText: (given) => parseJson(given) ?? given,
  };
  return kind;
}

/** Whether a kind is an object whose keys can be set one by one. */
export function isObjectKind(kind: Kind<unknown>): kind is ObjectKind<Fields> {
  return "fields" in kind;
}

/** Whether a kind is a list or a record of items. */
export function hasItems(kind: Kind<unknown>): kind is ListKind<unknown> | RecordKind<unknown> {
  return "item" in kind;
}

function readKeys(
  kind: ObjectKind<Fields>,
  value: Record<string, unknown>,
  place: Place,
): Record<string, unknown> {
  const read: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const path = place.path === "" ? key : `${place.path}.${key}`;
    const field = Object.hasOwn(kind.fields, key) ? kind.fields[key] : undefined;
    if (field !== undefined) {
      read[key] = isObjectKind(field)
        ? field.readPartial(item, { ...place, path })
        : field.read(item, { ...place, path });
    } else if (Object.hasOwn(kind.retired, key)) {
      place.note(`${place.origin}: ${path} is unused: ${kind.retired[key]}`);
    } else {
      throw new ConfigError(path, unknownKey(key, kind), place.origin);
    }
  }
  return read;
}

function unknownKey(key: string, kind: ObjectKind<Fields>): string {
  const known = Object.keys(kind.fields);
  const near = nearest(key, known);
  return `there is no such key${near === undefined ? `; known are ${known.join(", ")}` : `, did you mean ${near}?`}`;
}

function parseJson(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    return undefined;
  }
}

/** A value as errors show it: its type when it is secret or large. */
function shown(value: unknown, secret: boolean): string {
  const type = value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
  if (value === null || secret || typeof value === "object") return type;
  const printed = JSON.stringify(value) ?? type;
  return printed.length > 60 ? type : `${printed} (${type})`;
}
