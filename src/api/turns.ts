/** Long work on the thread that answers HTTP: in turns of a few milliseconds, between which others are answered. */

const TURN_MS = 4;

/** Does work that says, by yielding, where it may be left for a while; answers what it returns. */
export async function inTurns<T>(work: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const until = performance.now() + TURN_MS;
    do {
      const { done, value } = work.next();
      if (done === true) return value;
    } while (performance.now() < until);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
