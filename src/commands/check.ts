/** `kowalski check`: tries every configured part and says in one line each what works and what does not. */

import { type Check, checks } from "./checks.ts";
import { defineCommand } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED, UsageError } from "./errors.ts";
import { jsonText, type Output } from "./output.ts";

const GRACE_MS = 1000;

export const command = defineCommand({
  name: "check",
  summary: "try every configured part and say what works",
  description:
    "Reads the configuration, opens the store, looks at every source, and prints a line for each: what works, " +
    "or what is wrong and how to mend it. Changes nothing. The exit code is 1 when anything failed.",
  options: {
    health: { type: "text", value: "URL", help: "only ask a running server whether it is healthy" },
    test: { type: "flag", help: "look for topics in kafka.bootstrap.test.servers, as serve --test does" },
    timeout: { type: "integer", value: "MS", default: 5000, min: 1, help: "milliseconds for one check" },
  },
  examples: [
    { line: "kowalski check", help: "before the first start, and when something is wrong" },
    { line: "kowalski check --health http://127.0.0.1:4000", help: "as a container's health check" },
  ],
  async run(context) {
    const { options, output } = context;
    if (options.health !== undefined) return askHealth(options.health, options.timeout, output);
    const loaded = context.loadConfig();
    let failed = 0;
    const all = checks(loaded, { testCluster: options.test });
    const width = Math.max(...all.map(({ name }) => name.length));
    for (const check of all) {
      const { ok, detail } = await attempt(check, options.timeout);
      if (!ok) failed++;
      output.line(`${ok ? "ok  " : "FAIL"}  ${check.name.padEnd(width)}  ${detail}`);
      output.json({ check: check.name, ok, detail });
    }
    return failed === 0 ? EXIT_DONE : EXIT_FAILED;
  },
});

async function attempt(check: Check, timeoutMs: number): Promise<{ ok: boolean; detail: string }> {
  const found = check.run(AbortSignal.timeout(timeoutMs), timeoutMs);
  try {
    return { ok: true, detail: await Promise.race([found, tooLong(timeoutMs)]) };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

/** Fails a moment after the time for one check, when the check itself has had its chance to say what did not answer. */
async function tooLong(timeoutMs: number): Promise<never> {
  await Bun.sleep(timeoutMs + GRACE_MS);
  throw new Error(
    `no result within ${timeoutMs} ms: find out what it waits for, or give it longer with --timeout`,
  );
}

async function askHealth(address: string, timeoutMs: number, output: Output): Promise<number> {
  if (!/^https?:\/\//.test(address)) throw new UsageError("--health: expected an http:// address");
  const url = new URL("/health", address);
  let answer: Response;
  try {
    answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    throw new CommandError(`${url}: no answer: ${error instanceof Error ? error.message : jsonText(error)}`);
  }
  const text = await answer.text();
  output.line(`${url}: ${answer.status}`);
  output.json({ url: url.href, status: answer.status, ok: answer.ok });
  if (!answer.ok) output.note(text);
  return answer.ok ? EXIT_DONE : EXIT_FAILED;
}
