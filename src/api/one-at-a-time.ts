/** Changes of what is stored as a whole document: one after the other on all hosts, so that none overwrites another. */
import type { Store } from "../store/index.ts";
import { HttpError } from "./errors.ts";

/** Who changes something has the right to it for so long at most, milliseconds, and waits for it so long. */
const LEASE_MS = 10_000;
const LEASE_WAIT_MS = 5000;
const LEASE_STEP_MS = 20;

/** Does work that no other process does meanwhile. Throws `HttpError` 409 when others keep on changing `what`. */
export async function oneAtATime<T>(
  store: Store,
  lease: string,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const holder = crypto.randomUUID();
  const giveUp = performance.now() + LEASE_WAIT_MS;
  while (!(await store.lease(lease, holder, LEASE_MS))) {
    if (performance.now() > giveUp) throw new HttpError(409, `others are changing ${what}: try again`);
    await Bun.sleep(LEASE_STEP_MS);
  }
  try {
    return await work();
  } finally {
    await store.lease(lease, holder, 0);
  }
}
