/** The page on the operators of the query language, written from the registries of `src/query`. */
import { ACCUMULATORS } from "../src/query/accumulators/index.ts";
import { expressionOperators } from "../src/query/expressions/index.ts";
import type { Operator } from "../src/query/expressions/nodes.ts";
import { type Document, printJson, type Value } from "../src/query/index.ts";
import { matchReference } from "../src/query/match/reference.ts";
import { STAGES } from "../src/query/stages/index.ts";
import { WINDOW_FUNCTIONS } from "../src/query/windows/index.ts";

const INTRODUCTION = `# Operators

<!-- Written by \`bun run docs\` from the registries in src/query. -->

What find filters, projections and pipelines may use, with the meaning that MongoDB gives it. Each example is a
test. What is refused, and why, is in [differences.md](differences.md).

Unless it says so, an operator is supported in all its forms.
`;

/** The page, as Markdown. */
export function operatorsPage(): string {
  const stages = [...STAGES.values()];
  const accumulators = [...ACCUMULATORS.values()];
  const windows = [...WINDOW_FUNCTIONS.values()];
  return [
    INTRODUCTION,
    "## Find filters\n\nAlso in `$match`, but for near searches, which are the stage `$geoNear` there.\n",
    table(
      matchReference.map(({ name, summary, filter, matches }) => [
        name,
        summary,
        `${code(filter)} matches ${code(matches)}`,
      ]),
    ),
    "## Stages\n",
    table(
      stages.map(({ name, summary, limits, example }) => {
        return [name, supported(summary, limits), code(example.stage)];
      }),
    ),
    "## Accumulators\n\nIn `$group`, `$bucket` and `$bucketAuto`; in `$setWindowFields` all but `$mergeObjects`.\n",
    table(
      accumulators.map(({ name, summary, example }) => [
        name,
        summary,
        `${code({ [name]: example.argument })} of ${list(example.documents)} is ${code(example.result)}`,
      ]),
    ),
    "## Window functions\n\nIn `$setWindowFields`, beside the accumulators.\n",
    table(
      windows.map(({ name, summary, example }) => [
        name,
        summary,
        `${code(example.function)} over ${list(example.documents)} is ${list(example.result)}`,
      ]),
    ),
    "## Expressions\n",
    ...categories().flatMap(([category, operators]) => [
      `### ${category.charAt(0).toUpperCase()}${category.slice(1)}\n`,
      table(
        operators.map(({ name, summary, limits, example }) => [
          name,
          supported(summary, limits),
          `${code(example.expression)}${onDocument(example.document)} is ${example.result === undefined ? "missing" : code(example.result)}`,
        ]),
      ),
    ]),
  ].join("\n");
}

function categories(): [string, Operator[]][] {
  const byCategory = new Map<string, Operator[]>();
  for (const operator of expressionOperators) {
    byCategory.set(operator.category, [...(byCategory.get(operator.category) ?? []), operator]);
  }
  return [...byCategory].sort(([a], [b]) => (a < b ? -1 : 1));
}

function supported(summary: string, limits: string | undefined): string {
  return limits === undefined ? summary : `${summary} Limits: ${limits}.`;
}

function onDocument(document: Document): string {
  return Object.keys(document).length === 0 ? "" : ` of ${code(document)}`;
}

function list(values: readonly Value[]): string {
  return values.map(code).join(", ");
}

/** A value as code in a table's cell. */
function code(value: Value): string {
  return `\`${printJson(value).replaceAll("|", "\\|")}\``;
}

function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map(([name, summary, example]) => `| \`${name}\` | ${summary} | ${example} |`);
  return ["| operator | meaning | example |", "|---|---|---|", ...lines, ""].join("\n");
}
