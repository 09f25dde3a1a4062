import { describe, expect, test } from "bun:test";
import { type Command, type CommandContext, defineCommand, entry } from "../../src/commands/command.ts";
import { CommandError } from "../../src/commands/errors.ts";
import { program } from "../../src/commands/index.ts";
import { runCommandLine } from "../../src/commands/run.ts";

/** Runs a line against a small program; the verb's context is handed to `seen`. */
async function run(words: string[], seen: (context: CommandContext) => void = () => {}) {
  let out = "";
  let err = "";
  const load = defineCommand({
    name: "load",
    summary: "load files",
    positionals: [
      { name: "FILE", help: "a file" },
      { name: "MORE", help: "more files", optional: true, variadic: true },
    ],
    options: {
      workers: { type: "integer", help: "threads", default: 2, min: 1 },
      rate: { type: "number", help: "packets per second", value: "RATE" },
      format: { type: "text", help: "format", choices: ["fits", "csv"] },
      tag: { type: "text", help: "a tag", repeat: true },
      force: { type: "flag", help: "overwrite", short: "f" },
    },
    examples: [{ line: "tool load a.fits", help: "one file" }],
    async run(context) {
      // Inferred from the description: this line does not compile when inference breaks.
      const inferred: number = context.options.workers;
      seen(context as unknown as CommandContext);
      context.output.line(`loaded ${context.args.length} with ${inferred}`);
      context.output.json({ loaded: context.args.length });
      return 0;
    },
  });
  const fail: Command = {
    name: "fail",
    summary: "fail",
    run: async () => {
      throw new CommandError("the disk is full: free some space");
    },
  };
  const group: Command = { name: "group", summary: "a group", subcommands: [entry(fail)] };
  const root: Command = { name: "tool", summary: "a tool", subcommands: [load, group, fail].map(entry) };
  const streams = {
    out: (text: string) => (out += text),
    err: (text: string) => (err += text),
    columns: undefined,
  };
  const code = await runCommandLine(root, words, { signal: new AbortController().signal, streams, env: {} });
  return { code, out, err };
}

describe("what is typed right reaches the verb", () => {
  test("arguments, values, defaults, lists and short flags", async () => {
    let context: CommandContext | undefined;
    const words = ["load", "a", "--rate=2.5", "b", "-f", "--tag", "x", "--tag", "y", "--format", "csv"];
    const { code, out } = await run(words, (given) => {
      context = given;
    });
    expect({ code, out }).toEqual({ code: 0, out: "loaded 2 with 2\n" });
    expect(context?.args).toEqual(["a", "b"]);
    expect<unknown>(context?.options).toEqual({
      workers: 2,
      rate: 2.5,
      format: "csv",
      tag: ["x", "y"],
      force: true,
    });
  });

  test("common flags may stand before the verb", async () => {
    let context: CommandContext | undefined;
    const { code, out } = await run(["--data-dir", "d", "--json", "load", "a"], (given) => {
      context = given;
    });
    expect({ code, out }).toEqual({ code: 0, out: '{"loaded":1}\n' });
    expect(context?.common).toMatchObject({ dataDir: "d", json: true, store: undefined });
  });

  test("words after -- are arguments", async () => {
    const { code } = await run(["load", "--", "--force"], (context) =>
      expect(context.args).toEqual(["--force"]),
    );
    expect(code).toBe(0);
  });
});

describe("what is typed wrong ends with 2 and the remedy", () => {
  const cases: [words: string[], parts: string[]][] = [
    [["lod"], ["there is no command lod, did you mean load?", "See: kowalski --help"]],
    [["group", "fial"], ["there is no command fial of group, did you mean fail?"]],
    [["load", "a", "--wrokers", "2"], ["there is no option --wrokers of load, did you mean --workers?"]],
    [["load", "a", "--constructor"], ["there is no option --constructor"]],
    [["load"], ["FILE is missing", "See: kowalski load --help"]],
    [["load", "a", "--workers", "many"], ["--workers: expected a whole number of at least 1, got many"]],
    [["load", "a", "--workers", "0"], ["at least 1, got 0"]],
    [["load", "a", "--workers", "1.5"], ["got 1.5"]],
    [["load", "a", "--workers"], ["--workers needs a value"]],
    [["load", "a", "--workers", "1", "--workers", "2"], ["--workers is given twice"]],
    [["load", "a", "--format", "xml"], ["--format: expected one of fits, csv, got xml"]],
    [["load", "a", "--force=yes"], ["--force takes no value"]],
    [["fail", "extra"], ["extra: one word too many"]],
    [["--log-level", "loud", "load", "a"], ["--log-level: expected one of trace"]],
  ];
  test.each(cases.map(([words, parts]) => ({ line: words.join(" "), words, parts })))(
    "$line",
    async ({ words, parts }) => {
      const { code, out, err } = await run(words);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      for (const part of parts) expect(err).toContain(part);
    },
  );

  test("a group by itself shows its verbs", async () => {
    const { code, err } = await run(["group"]);
    expect(code).toBe(2);
    expect(err).toContain("Usage: kowalski group COMMAND [options]");
  });
});

describe("failures end with 1", () => {
  test("and one line", async () => {
    expect(await run(["fail"])).toEqual({
      code: 1,
      out: "",
      err: "kowalski: the disk is full: free some space\n",
    });
  });

  test("and a stack where one debugs", async () => {
    const { err } = await run(["fail", "--log-level", "debug"]);
    expect(err).toContain("parse.test.ts");
  });
});

describe("help", () => {
  test("teaches a verb's arguments, options and examples", async () => {
    const { code, out } = await run(["load", "--help"]);
    expect(code).toBe(0);
    for (const part of [
      "Usage: kowalski load FILE [MORE…] [options]",
      "--workers N",
      "threads (default 2)",
      "--rate RATE",
      "one of fits, csv",
      "may be repeated",
      "-f, --force",
      "--data-dir DIR",
      "tool load a.fits",
    ]) {
      expect(out).toContain(part);
    }
  });

  test("every verb of kowalski has help, and its list tells what the verb tells", async () => {
    for (const { name, summary, load } of program.subcommands ?? []) {
      const command = await load();
      expect([command.name, command.summary]).toEqual([name, summary]);
      expect(command.run !== undefined || command.subcommands !== undefined).toBe(true);
    }
  });
});
