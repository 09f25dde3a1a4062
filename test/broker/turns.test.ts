/** The order in which batches are filtered and written. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Turns } from "../../src/broker/turns.ts";

/** Batches by number, with what was done with them so far; each step ends when it is let go. */
class Steps {
  readonly done: string[] = [];
  readonly #waiting = new Map<string, () => void>();
  readonly turns = new Turns<string>();

  take(batch: number, names: readonly string[], key = "store"): Promise<number> {
    return this.turns.take(key, new Set(names), {
      filter: () => this.#step(`filter ${batch}`).then(() => batch),
      write: (filtered) => this.#step(`write ${filtered}`).then(() => batch),
    });
  }

  /** Steps that have begun and not ended. */
  async running(): Promise<string[]> {
    await Bun.sleep(0);
    return [...this.#waiting.keys()].sort();
  }

  end(step: string): void {
    this.#waiting.get(step)?.();
    this.#waiting.delete(step);
    this.done.push(step);
  }

  #step(name: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(name, resolve));
  }
}

test("a batch is filtered while the one before it is written, and no earlier", async () => {
  const steps = new Steps();
  for (const [batch, name] of ["a", "b", "c"].entries()) void steps.take(batch, [name]);
  expect(await steps.running()).toEqual(["filter 0", "filter 1"]);
  steps.end("filter 1");
  expect(await steps.running()).toEqual(["filter 0"]);
  steps.end("filter 0");
  expect(await steps.running()).toEqual(["write 0"]);
  steps.end("write 0");
  expect(await steps.running()).toEqual(["filter 2", "write 1"]);
});

test("a batch with an object of the one before it is filtered when that is stored", async () => {
  const steps = new Steps();
  void steps.take(0, ["a", "b"]);
  void steps.take(1, ["c", "b"]);
  expect(await steps.running()).toEqual(["filter 0"]);
  steps.end("filter 0");
  expect(await steps.running()).toEqual(["write 0"]);
  steps.end("write 0");
  expect(await steps.running()).toEqual(["filter 1"]);
});

test("a turn that fails fails alone, at its filters or at its write, and other keys do not wait", async () => {
  const turns = new Turns<string>();
  const fail = () => Promise.reject(new Error("no"));
  const done = async () => "done";
  const names = new Set(["a"]);
  void turns.take("slow", names, { filter: () => new Promise(() => undefined), write: done });
  const results = await Promise.allSettled([
    turns.take("one", names, { filter: fail, write: done }),
    turns.take("one", names, { filter: done, write: fail }),
    turns.take("one", names, { filter: done, write: done }),
  ]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
});

test("whatever the batches and however long their steps take, filters see all that is theirs", async () => {
  const batch = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(batch, { maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      async (batches, choices) => {
        const steps = new Steps();
        const written = batches.map((names, number) => steps.take(number, names));
        for (let running = await steps.running(); running.length > 0; running = await steps.running()) {
          // No two writes at a time, and filters only beside the write of a batch that shares nothing with theirs.
          expect(running.filter((step) => step.startsWith("write")).length).toBeLessThanOrEqual(1);
          for (const step of running.filter((name) => name.startsWith("filter"))) {
            const number = Number(step.slice("filter ".length));
            for (const [before, names] of batches.slice(0, number).entries()) {
              const shares = names.some((name) => batches[number]?.includes(name));
              if (shares || before < number - 1) expect(steps.done).toContain(`write ${before}`);
            }
          }
          steps.end(running[(choices.next().value as number) % running.length] ?? "");
        }
        expect(await Promise.all(written)).toEqual(batches.map((_, number) => number));
        const writes = steps.done.filter((step) => step.startsWith("write"));
        expect(writes).toEqual(batches.map((_, number) => `write ${number}`));
      },
    ),
    { numRuns: 50 },
  );
});
