/** Holds what only one process at a time may do, for as long as it takes. */
import { randomUUID } from "node:crypto";
import type { Store } from "../store/index.ts";
import { CommandError } from "./errors.ts";

/** A process that was killed keeps others waiting no longer than this, milliseconds. */
const TTL_MS = 10_000;
const RENEW_MS = 3000;
const LOOK_AGAIN_MS = 500;
/** Whoever still has it then is at work. */
const LONGEST_WAIT_MS = 15_000;

/**
 * Takes a lease and renews it until the answer is called. Throws `CommandError` when another process keeps
 * it.
 */
export async function holdLease(
  store: Store,
  name: string,
  options: { readonly signal: AbortSignal; readonly onWait: () => void },
): Promise<() => Promise<void>> {
  const holder = randomUUID();
  const until = Date.now() + LONGEST_WAIT_MS;
  let told = false;
  while (!(await store.lease(name, holder, TTL_MS))) {
    if (options.signal.aborted || Date.now() > until) {
      throw new CommandError(`another process is at work on it (${name}): try again when it is done`);
    }
    if (!told) options.onWait();
    told = true;
    await Bun.sleep(LOOK_AGAIN_MS);
  }
  const timer = setInterval(() => {
    // A renewal that fails is tried again before the lease runs out.
    store.lease(name, holder, TTL_MS).catch(() => {});
  }, RENEW_MS);
  return async () => {
    clearInterval(timer);
    await store.lease(name, holder, 0);
  };
}
