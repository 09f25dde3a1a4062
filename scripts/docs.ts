/** Writes the pages of `docs/` that follow from code: `bun run docs`. A test tells when one is out of date. */
import { join } from "node:path";
import { variableName } from "../src/config/environment.ts";
import { type Fields, hasItems, isObjectKind, type Kind, type ObjectKind } from "../src/config/kinds.ts";
import { schema } from "../src/config/schema.ts";
import { operatorsPage } from "./operators-page.ts";

const DOCS = join(import.meta.dir, "..", "docs");

const INTRODUCTION = `# Configuration

<!-- Written by \`bun scripts/docs.ts\` from src/config/schema.ts. -->

Kowalski runs without any file. What you set is taken from, each over the one before it:

1. the built-in defaults below;
2. \`config.yaml\` in the working directory, or the file of \`--config\` or \`KOWALSKI_CONFIG\`;
3. \`secrets.json\` in the data folder (written at the first start), then \`secrets.json\` in the working directory
   or the file of \`--secrets\` or \`KOWALSKI_SECRETS\`;
4. environment variables, whose names are in the tables;
5. the command line: \`--data-dir\`, \`--store\`, \`--log-level\`, and \`--host\` and \`--port\` of \`serve\`.

An unknown key or a value of the wrong type ends the start with the file, the key, what was expected and the
nearest known key. \`kowalski check\` tries what is configured. Secrets belong in \`secrets.json\`
([example](../secrets.example.json)), which only its owner should be able to read; \`kowalski secrets new\` makes
strong ones.

\`\`\`yaml
# config.yaml
data_dir: /data/kowalski
server:
  host: 0.0.0.0
sources:
  - path: /data/packets
    watch: true
ingest:
  workers: 4
\`\`\`
`;

/** The page on the configuration, as Markdown. */
export function configurationPage(): string {
  const sections = Object.entries(schema.fields).filter(([, kind]) => isObjectKind(kind));
  const plain = Object.entries(schema.fields).filter(([, kind]) => !isObjectKind(kind));
  return [
    INTRODUCTION,
    "## Top level\n",
    table(plain.map(([key, kind]) => row([key], kind))),
    ...sections.flatMap(([key, kind]) => (isObjectKind(kind) ? section(key, kind) : [])),
    ...plain.flatMap(([key, kind]) => {
      const item = itemOf(kind);
      return item === undefined ? [] : items(key, item);
    }),
  ].join("\n");
}

function section(key: string, kind: ObjectKind<Fields>): string[] {
  const rows = Object.entries(kind.fields).map(([name, field]) => row([key, name], field));
  const retired = Object.entries(kind.retired).map(([name, why]) => `\`${name}\` is unused: ${why}.`);
  return [`\n## ${key}\n\n${kind.doc}\n`, table(rows), ...retired.map((line) => `\n${line}`)];
}

/** What the lists and records of a kind hold in the end, where it is an object. */
function itemOf(kind: Kind<unknown>): ObjectKind<Fields> | undefined {
  if (isObjectKind(kind)) return kind;
  return hasItems(kind) ? itemOf(kind.item) : undefined;
}

/** The keys of the objects of a list, which have no variables of their own. */
function items(key: string, kind: ObjectKind<Fields>): string[] {
  const row = (path: string, field: Kind<unknown>) => `| \`${path}\` | ${defaultOf(field)} | ${field.doc} |`;
  const rows = Object.entries(kind.fields).flatMap(([name, field]) =>
    isObjectKind(field)
      ? Object.entries(field.fields).map(([below, each]) => row(`${name}.${below}`, each))
      : [row(name, field)],
  );
  return [`\n## Each of ${key}\n\n${kind.doc}\n`, "| key | default | meaning |\n|---|---|---|", ...rows, ""];
}

function table(rows: readonly string[]): string {
  return ["| key | variable | default | meaning |", "|---|---|---|---|", ...rows].join("\n");
}

function row(path: readonly string[], kind: Kind<unknown>): string {
  const meaning = kind.secret ? `${kind.doc} Secret: never logged.` : kind.doc;
  const takes = kind.expected.startsWith("one of") ? ` Takes ${kind.expected}.` : "";
  return `| \`${path.join(".")}\` | \`${variableName(path)}\` | ${defaultOf(kind)} | ${meaning}${takes} |`;
}

function defaultOf(kind: Kind<unknown>): string {
  const { default: value } = kind;
  if (value === undefined || value === "") return "not set";
  if (typeof value === "object" && value !== null && Object.keys(value).length === 0) return "none";
  return `\`${String(value)}\``;
}

if (import.meta.main) {
  await Bun.write(join(DOCS, "configuration.md"), configurationPage());
  await Bun.write(join(DOCS, "operators.md"), operatorsPage());
}
