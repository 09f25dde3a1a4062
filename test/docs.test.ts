/** The README and the pages of `docs/` say what is there: commands, flags, files, configuration. */
import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { configurationPage } from "../scripts/docs.ts";
import { program } from "../src/commands/index.ts";
import { findCommand, parseWords } from "../src/commands/parse.ts";
import { loadConfig } from "../src/config/index.ts";
import { temporaryFolder } from "./support/folders.ts";
import { blocks, page, pages } from "./support/pages.ts";

const ROOT = join(import.meta.dir, "..");

/** The words of a line as a shell takes it apart, without its comment. */
function wordsOf(line: string): string[] {
  const words = line.replace(/\s+#.*$/, "").matchAll(/'([^']*)'|"([^"]*)"|[^\s'"]+/g);
  return [...words].map(([plain, single, double]) => single ?? double ?? plain);
}

/** Command lines of `kowalski` in the shell blocks of all pages, as words. */
const commandLines = pages().flatMap((one) =>
  blocks(one, "sh")
    .flatMap((block) => block.replaceAll("\\\n", " ").split("\n"))
    .filter((line) => line.startsWith("kowalski "))
    .map((line) => [one.path, wordsOf(line).slice(1)] as const),
);

describe("pages", () => {
  test.each(pages().map(({ path, text }) => [path, text] as const))(
    "%s points at files that are there",
    (path, text) => {
      const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = ""]) => target);
      const missing = links.filter(
        (target) => !/^https?:/.test(target) && !existsSync(join(ROOT, dirname(path), target)),
      );
      expect(missing).toEqual([]);
    },
  );

  test.each(commandLines)("%s: kowalski takes %j", async (_, words) => {
    const found = await findCommand(program, words);
    expect(found.command.run).toBeDefined();
    expect(() => parseWords(found)).not.toThrow();
  });

  test("the README lists every command, with a word on each", () => {
    const { text } = page("README.md");
    const missing = (program.subcommands ?? []).filter(
      ({ name }) => !new RegExp(`^\\| \`kowalski ${name}\` \\| \\S`, "m").test(text),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  test("the README's commands of package.json are there", async () => {
    const { scripts } = (await import("../package.json")).default;
    const { text } = page("README.md");
    for (const [, name = ""] of text.matchAll(/(?:npx bun run|bun run) ([a-z]+)/g))
      expect(Object.keys(scripts)).toContain(name);
    for (const [, file = ""] of text.matchAll(/bun ((?:bench|scripts)\/[a-z-]+\.ts)/g)) {
      expect(existsSync(join(ROOT, file))).toBe(true);
    }
  });

  test("docs/configuration.md follows from the schema", () => {
    expect(page("docs/configuration.md").text, "run: bun scripts/docs.ts").toBe(configurationPage());
  });

  test.each(pages().flatMap((one) => blocks(one, "yaml").map((text) => [one.path, text] as const)))(
    "the configuration in %s is valid",
    (_, text) => {
      using folder = temporaryFolder();
      writeFileSync(join(folder.path, "config.yaml"), text);
      expect(loadConfig({ cwd: folder.path, env: {} }).notes).toEqual([]);
    },
  );
});
