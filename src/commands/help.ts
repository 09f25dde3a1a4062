/** The help of the program and of each verb, from their descriptions. */
import type { Command, OptionSpec, OptionSpecs } from "./command.ts";
import { COMMON_OPTIONS } from "./parse.ts";

const WIDTH = 100;

/** The text that `--help` prints for the verb at `path`. */
export function helpText(path: readonly string[], command: Command): string {
  const full = ["kowalski", ...path].join(" ");
  const groups = command.subcommands ?? [];
  const parts = [usageLine(full, command), ...paragraphs(command)];
  if (groups.length > 0) {
    parts.push(
      section(
        "Commands",
        groups.map((group) => [group.name, group.summary]),
      ),
    );
  }
  if (command.positionals !== undefined && command.positionals.length > 0) {
    parts.push(
      section(
        "Arguments",
        command.positionals.map((spec) => [spec.name, spec.help]),
      ),
    );
  }
  if (command.options !== undefined && Object.keys(command.options).length > 0) {
    parts.push(section("Options", optionRows(command.options)));
  }
  parts.push(section("Options of all commands", optionRows(COMMON_OPTIONS)));
  if (command.examples !== undefined) {
    parts.push(`Examples:\n${command.examples.map(({ line, help }) => `  # ${help}\n  ${line}`).join("\n")}`);
  }
  if (groups.length > 0) parts.push(`${full} COMMAND --help shows what a command takes.`);
  return parts.join("\n\n");
}

function usageLine(full: string, command: Command): string {
  const words = (command.positionals ?? []).map((spec) => {
    const name = spec.variadic === true ? `${spec.name}…` : spec.name;
    return spec.optional === true ? `[${name}]` : name;
  });
  const verb = command.subcommands === undefined ? [] : [command.run === undefined ? "COMMAND" : "[COMMAND]"];
  return `Usage: ${[full, ...verb, ...words, "[options]"].join(" ")}`;
}

function paragraphs(command: Command): string[] {
  return (command.description ?? command.summary)
    .split("\n\n")
    .map((paragraph) => wrap(paragraph, WIDTH, ""));
}

function optionRows(specs: OptionSpecs): [string, string][] {
  return Object.entries(specs).map(([name, spec]) => [optionName(name, spec), optionHelp(spec)]);
}

function optionName(name: string, spec: OptionSpec): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  return `${short}--${name}${spec.type === "flag" ? "" : ` ${spec.value ?? (spec.type === "text" ? "TEXT" : "N")}`}`;
}

function optionHelp(spec: OptionSpec): string {
  const facts = [
    ...(spec.choices === undefined ? [] : [`one of ${spec.choices.join(", ")}`]),
    ...(spec.default === undefined || spec.default === false ? [] : [`default ${spec.default}`]),
    ...(spec.repeat === true ? ["may be repeated"] : []),
  ];
  return facts.length === 0 ? spec.help : `${spec.help} (${facts.join("; ")})`;
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(28, Math.max(...rows.map(([name]) => name.length)));
  const indent = " ".repeat(width + 4);
  const lines = rows.map(([name, help]) => {
    const text = wrap(help, WIDTH - width - 4, indent);
    return name.length > width ? `  ${name}\n${indent}${text}` : `  ${name.padEnd(width)}  ${text}`;
  });
  return `${title}:\n${lines.join("\n")}`;
}

/** Breaks at spaces; lines after the first begin with `indent`. */
function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].join(`\n${indent}`);
}
