/**
 * What a verb of the command line is. Each verb is one file that describes itself: parsing, `--help` and the
 * check of what was typed all come from that description.
 */
import type { ConfigFlags, LoadedConfig } from "../config/index.ts";
import type { Log, LogLevel, Redactor } from "../telemetry/index.ts";
import type { Output } from "./output.ts";

export interface OptionSpec {
  readonly type: "flag" | "text" | "integer" | "number";
  readonly help: string;
  /** One letter for `-x`. */
  readonly short?: string;
  /** What stands for the value in the help, e.g. `FILE`. */
  readonly value?: string;
  readonly default?: string | number | boolean;
  /** The only texts that are accepted. */
  readonly choices?: readonly string[];
  /** May be given several times; the value is then a list. */
  readonly repeat?: true;
  /** Smallest number that is accepted. */
  readonly min?: number;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

export interface PositionalSpec {
  readonly name: string;
  readonly help: string;
  /** Left out by default means required. */
  readonly optional?: true;
  /** Takes all the remaining ones; only for the last. */
  readonly variadic?: true;
}

type ScalarOf<T extends OptionSpec["type"]> = T extends "flag" ? boolean : T extends "text" ? string : number;

type Scalar<S extends OptionSpec> = S extends {
  readonly type: "text";
  readonly choices: readonly (infer C extends string)[];
}
  ? C
  : ScalarOf<S["type"]>;

/** Options by name as `run` gets them: with a default or as a flag always there, else perhaps `undefined`. */
export type OptionValues<S extends OptionSpecs> = {
  readonly [K in keyof S]: S[K] extends { readonly repeat: true }
    ? readonly Scalar<S[K]>[]
    : S[K] extends { readonly default: string | number | boolean } | { readonly type: "flag" }
      ? Scalar<S[K]>
      : Scalar<S[K]> | undefined;
};

/** The flags that all verbs share. */
export interface CommonFlags {
  readonly dataDir: string | undefined;
  readonly config: string | undefined;
  readonly secrets: string | undefined;
  readonly store: string | undefined;
  readonly logLevel: LogLevel | undefined;
  readonly json: boolean;
}

/** What a verb is given to do its work with. */
export interface CommandContext<S extends OptionSpecs = OptionSpecs> {
  /** The positional arguments in order; the required ones are there. */
  readonly args: readonly string[];
  readonly options: OptionValues<S>;
  readonly common: CommonFlags;
  readonly output: Output;
  /** Aborts at the first SIGINT or SIGTERM; a second one ends the process. */
  readonly signal: AbortSignal;
  /**
   * Reads the configuration: files, environment, the common flags and `flags`. What a user should know about
   * it is told on stderr. Throws `ConfigError`.
   */
  loadConfig(flags?: ConfigFlags): LoadedConfig;
  /** The log at the level of `config`, to stderr unless the verb's output is its log. */
  openLog(loaded: LoadedConfig, stream?: "stdout" | "stderr"): { log: Log; redactor: Redactor };
}

/** A verb, or a group of verbs such as `secrets` with `secrets new`. */
export interface Command<S extends OptionSpecs = OptionSpecs> {
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** A paragraph for the verb's own help. */
  readonly description?: string;
  readonly positionals?: readonly PositionalSpec[];
  readonly options?: S;
  readonly examples?: readonly { readonly line: string; readonly help: string }[];
  readonly subcommands?: readonly CommandEntry[];
  /** Resolves with the exit code; throws `UsageError`, `CommandError` or whatever went wrong. */
  readonly run?: (context: CommandContext<S>) => Promise<number>;
}

/** A verb in a list: its file is loaded only when it is called or its help is asked for. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Describes a verb; the types of `context.options` follow from `options`. */
export function defineCommand<const S extends OptionSpecs>(command: Command<S>): Command {
  const { run, ...description } = command;
  // The parser gives `run` the values that the description `S` promises; a list of verbs forgets which.
  return { ...description, ...(run === undefined ? {} : { run: run as Command["run"] & {} }) };
}

/** A verb of the same file in the list of a group. */
export function entry(command: Command): CommandEntry {
  return { name: command.name, summary: command.summary, load: () => Promise.resolve(command) };
}
