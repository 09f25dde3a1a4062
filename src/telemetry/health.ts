/** Named checks of the parts that must work before requests are answered well; `/ready` and `check` run them. */

/** Resolves with a word on what was found, or throws what is wrong. */
export type HealthCheck = (signal: AbortSignal) => Promise<string | undefined>;

export interface HealthResult {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, or what is wrong. */
  readonly detail: string;
  readonly milliseconds: number;
}

export interface HealthReport {
  readonly ok: boolean;
  readonly checks: readonly HealthResult[];
}

export class Health {
  readonly #checks = new Map<string, HealthCheck>();

  /** Adds a check; answers a function that takes it away again. A second one of the same name replaces it. */
  register(name: string, check: HealthCheck): () => void {
    this.#checks.set(name, check);
    return () => {
      if (this.#checks.get(name) === check) this.#checks.delete(name);
    };
  }

  /** Runs all checks side by side; one that takes longer than `timeoutMs` has failed. */
  async run(timeoutMs = 2000): Promise<HealthReport> {
    const checks = await Promise.all(
      [...this.#checks].map(([name, check]) => runCheck(name, check, timeoutMs)),
    );
    return { ok: checks.every((check) => check.ok), checks };
  }
}

async function runCheck(name: string, check: HealthCheck, timeoutMs: number): Promise<HealthResult> {
  const started = performance.now();
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      abort.abort();
      reject(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  const result = (ok: boolean, detail: string): HealthResult => ({
    name,
    ok,
    detail,
    milliseconds: Math.round(performance.now() - started),
  });
  try {
    return result(true, (await Promise.race([check(abort.signal), timeout])) ?? "ok");
  } catch (error) {
    return result(false, error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}
