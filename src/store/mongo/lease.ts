/** Leases: which of several processes does a thing that only one may do at a time. */
import { randomUUID } from "node:crypto";
import type { Db } from "mongodb";
import { StoreError } from "../store.ts";
import { isDuplicateKey } from "./errors.ts";

/** Takes or renews a lease for `ttlMs`; answers whether `holder` has it. */
export async function takeLease(db: Db, name: string, holder: string, ttlMs: number): Promise<boolean> {
  const leases = db.collection<{ _id: string; holder: string; until: Date }>("leases");
  // By the server's clock: those of the hosts may differ.
  const isFree = { $or: [{ holder }, { $expr: { $lte: ["$until", "$$NOW"] } }] };
  const take = async () => {
    const until = { $add: ["$$NOW", ttlMs] };
    const taken = await leases.updateOne({ _id: name, ...isFree }, [{ $set: { holder, until } }]);
    return taken.matchedCount > 0;
  };
  try {
    if (await take()) return true;
    // Held by another, or never held by anyone.
    await leases.updateOne(
      { _id: name },
      { $setOnInsert: { holder: "", until: new Date(0) } },
      { upsert: true },
    );
    return await take();
  } catch (error) {
    if (isDuplicateKey(error)) return take();
    throw error;
  }
}

/** Whoever was killed keeps others waiting no longer than this, milliseconds. */
const TTL_MS = 10_000;
const RENEW_MS = 2000;
const LOOK_AGAIN_MS = 500;
/** Whoever still has it then is at work. */
const LONGEST_WAIT_MS = 15_000;

/** Takes a lease and renews it until the answer is called. Throws `StoreError` when another process keeps it. */
export async function holdLease(db: Db, name: string, refusal: string): Promise<() => Promise<void>> {
  const holder = randomUUID();
  const until = Date.now() + LONGEST_WAIT_MS;
  while (!(await takeLease(db, name, holder, TTL_MS))) {
    if (Date.now() > until) throw new StoreError(refusal);
    await Bun.sleep(LOOK_AGAIN_MS);
  }
  const timer = setInterval(() => {
    // A renewal that fails is tried again before the lease runs out.
    takeLease(db, name, holder, TTL_MS).catch(() => {});
  }, RENEW_MS);
  return async () => {
    clearInterval(timer);
    await takeLease(db, name, holder, 0);
  };
}
