/** The README and the pages of `docs/`, taken apart. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..", "..");

export interface Page {
  /** Path from the root of the repository. */
  readonly path: string;
  readonly text: string;
}

export function page(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), "utf8") };
}

export function pages(): Page[] {
  const docs = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...docs.sort().map((name) => join("docs", name))].map(page);
}

/** The contents of fenced blocks of a language, those after the heading `from` and before `to` where given. */
export function blocks({ text, path }: Page, language: string, from?: string, to?: string): string[] {
  const start = from === undefined ? 0 : text.indexOf(`\n## ${from}`);
  const end = to === undefined ? text.length : text.indexOf(`\n## ${to}`);
  if (start < 0 || end < 0) throw new Error(`${path} has no such heading`);
  const fence = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...text.slice(start, end).matchAll(fence)].map(([, content = ""]) => content);
}
