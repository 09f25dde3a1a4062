/** Reads a command line by the description of its verb; wrong words name the nearest right one. */
import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { nearest } from "../config/index.ts";
import { LOG_LEVELS, type LogLevel } from "../telemetry/index.ts";
import type { Command, CommandEntry, CommonFlags, OptionSpec, OptionSpecs, OptionValues } from "./command.ts";
import { UsageError } from "./errors.ts";

export const COMMON_OPTIONS = {
  "data-dir": {
    type: "text",
    value: "DIR",
    help: "folder of the embedded store (KOWALSKI_DATA_DIR; default kowalski-data)",
  },
  config: {
    type: "text",
    value: "FILE",
    help: "configuration (KOWALSKI_CONFIG; default config.yaml if there is one)",
  },
  secrets: {
    type: "text",
    value: "FILE",
    help: "secrets (KOWALSKI_SECRETS; default secrets.json if there is one)",
  },
  store: { type: "text", value: "STORE", help: "`embedded` or a mongodb:// address" },
  "log-level": { type: "text", value: "LEVEL", choices: LOG_LEVELS, help: "least serious messages to log" },
  json: { type: "flag", help: "print JSON for machines, one value a line" },
  help: { type: "flag", short: "h", help: "show this help" },
} as const satisfies OptionSpecs;

/** Which verb was called and the words that are left for it. */
export interface Found {
  readonly path: readonly string[];
  readonly command: Command;
  readonly rest: readonly string[];
}

/** Follows verbs and subverbs from `root` as far as the words go. Throws `UsageError` for an unknown verb. */
export async function findCommand(root: Command, words: readonly string[]): Promise<Found> {
  let found: Found = { path: [], command: root, rest: words };
  while (found.command.subcommands !== undefined) {
    const { command, rest, path } = found;
    const index = firstPositional(rest, { ...COMMON_OPTIONS, ...command.options });
    const word = index === undefined ? undefined : rest[index];
    if (word === undefined || index === undefined) break;
    const known: readonly CommandEntry[] = command.subcommands ?? [];
    const next = known.find((candidate) => candidate.name === word);
    if (next === undefined) {
      // A verb that also works by itself takes the word as its argument.
      if (command.run !== undefined) break;
      throw new UsageError(
        unknown(
          "command",
          word,
          path,
          known.map((candidate) => candidate.name),
        ),
      );
    }
    found = {
      path: [...path, word],
      command: await next.load(),
      rest: [...rest.slice(0, index), ...rest.slice(index + 1)],
    };
  }
  return found;
}

function unknown(what: string, word: string, path: readonly string[], names: readonly string[]): string {
  const near = nearest(word, names);
  const where = path.length === 0 ? "" : ` of ${path.join(" ")}`;
  const hint = near === undefined ? `; there are ${names.join(", ")}` : `, did you mean ${near}?`;
  return `there is no ${what} ${word}${where}${hint}`;
}

function tokensOf(words: readonly string[], specs: OptionSpecs) {
  const options: ParseArgsOptionsConfig = {};
  for (const [name, spec] of Object.entries(specs)) {
    options[name] = {
      type: spec.type === "flag" ? "boolean" : "string",
      multiple: true,
      ...(spec.short === undefined ? {} : { short: spec.short }),
    };
  }
  const args = [...words];
  return parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function firstPositional(words: readonly string[], specs: OptionSpecs): number | undefined {
  return tokensOf(words, specs).find((token) => token.kind === "positional")?.index;
}

/** A command line that fits its verb. */
export interface Parsed {
  readonly args: readonly string[];
  readonly options: OptionValues<OptionSpecs>;
  readonly common: CommonFlags;
  readonly help: boolean;
}

/** Checks the words left for a verb. Throws `UsageError`. */
export function parseWords({ command, path, rest }: Found): Parsed {
  const specs: OptionSpecs = { ...COMMON_OPTIONS, ...command.options };
  const given = new Map<string, (string | number | boolean)[]>();
  const args: string[] = [];
  for (const token of tokensOf(rest, specs)) {
    if (token.kind === "positional") args.push(token.value);
    if (token.kind !== "option") continue;
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    if (spec === undefined) {
      const names = Object.keys(specs).map((name) => `--${name}`);
      throw new UsageError(unknown("option", token.rawName, path, names));
    }
    const values = given.get(token.name) ?? [];
    if (values.length > 0 && spec.repeat !== true && spec.type !== "flag") {
      throw new UsageError(`--${token.name} is given twice`);
    }
    given.set(token.name, [...values, optionValue(token.name, spec, token.value)]);
  }
  const help = given.has("help");
  if (!help) checkPositionals(command, args);
  return { args, options: valuesOf(command.options ?? {}, given), common: commonFlags(given), help };
}

function optionValue(name: string, spec: OptionSpec, value: string | undefined): string | number | boolean {
  if (spec.type === "flag") {
    if (value !== undefined) throw new UsageError(`--${name} takes no value`);
    return true;
  }
  if (value === undefined)
    throw new UsageError(`--${name} needs a value: --${name} ${spec.value ?? "VALUE"}`);
  if (spec.type === "text") {
    if (spec.choices !== undefined && !spec.choices.includes(value)) {
      throw new UsageError(`--${name}: expected one of ${spec.choices.join(", ")}, got ${value}`);
    }
    return value;
  }
  const number = Number(value);
  const whole = spec.type === "integer";
  const wrong = value.trim() === "" || !Number.isFinite(number) || (whole && !Number.isSafeInteger(number));
  const least = spec.min === undefined ? "" : ` of at least ${spec.min}`;
  if (wrong || number < (spec.min ?? Number.NEGATIVE_INFINITY)) {
    throw new UsageError(
      `--${name}: expected ${whole ? "a whole number" : "a number"}${least}, got ${value}`,
    );
  }
  return number;
}

function checkPositionals(command: Command, args: readonly string[]): void {
  const specs = command.positionals ?? [];
  const missing = specs.filter((spec) => spec.optional !== true)[args.length];
  if (missing !== undefined) throw new UsageError(`${missing.name} is missing: ${missing.help}`);
  const variadic = specs.at(-1)?.variadic === true;
  const extra = args[specs.length];
  if (!variadic && extra !== undefined && command.run !== undefined) {
    throw new UsageError(`${extra}: one word too many`);
  }
}

function valuesOf(specs: OptionSpecs, given: ReadonlyMap<string, readonly (string | number | boolean)[]>) {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const all = given.get(name) ?? [];
    values[name] =
      spec.repeat === true ? all : (all.at(-1) ?? spec.default ?? (spec.type === "flag" ? false : undefined));
  }
  return values as OptionValues<OptionSpecs>;
}

function commonFlags(given: ReadonlyMap<string, readonly (string | number | boolean)[]>): CommonFlags {
  const textOf = (name: keyof typeof COMMON_OPTIONS) => {
    const value = given.get(name)?.at(-1);
    return typeof value === "string" ? value : undefined;
  };
  const level = textOf("log-level");
  return {
    dataDir: textOf("data-dir"),
    config: textOf("config"),
    secrets: textOf("secrets"),
    store: textOf("store"),
    logLevel: LOG_LEVELS.find((known): known is LogLevel => known === level),
    json: given.has("json"),
  };
}
