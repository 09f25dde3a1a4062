/** Time limits of query code. */
import { describe, expect, test } from "bun:test";
import { Deadline, QueryError, tick } from "../../src/query/index.ts";

/** A clock that is moved by hand and counts who asks. */
function handClock() {
  const state = { now: 0, asked: 0 };
  const clock = () => {
    state.asked++;
    return state.now;
  };
  return { state, clock };
}

const MANY_STEPS = 10_000;

describe("a late limit", () => {
  test("costs short work no look at the clock", () => {
    const { state, clock } = handClock();
    const late = new Deadline(500, "pipeline", clock, { late: true });
    late.run(() => tick(100));
    expect(state.asked).toBe(0);
  });

  test("ends work that goes on, counted from the first look", () => {
    const { state, clock } = handClock();
    const late = new Deadline(500, "pipeline", clock, { late: true });
    const work = () => {
      for (;;) {
        tick(MANY_STEPS);
        state.now += 100;
      }
    };
    expect(() => late.run(work)).toThrow("pipeline: took longer than its time limit of 500 ms");
    expect(state.now).toBe(500);
  });

  test("of which some is spent ends as much earlier, and tells the whole", () => {
    for (const late of [true, false]) {
      const { state, clock } = handClock();
      const limit = new Deadline(500, "pipeline", clock, { late, spent: 300 });
      const work = () => {
        for (;;) {
          tick(MANY_STEPS);
          state.now += 100;
        }
      };
      expect(() => limit.run(work)).toThrow("pipeline: took longer than its time limit of 500 ms");
      expect(state.now).toBe(200);
    }
  });

  test("does not outlast the limit around it", () => {
    const { state, clock } = handClock();
    const outer = new Deadline(200, "outer", clock);
    const late = new Deadline(500, "inner", clock, { late: true });
    const work = () => {
      for (;;) {
        tick(MANY_STEPS);
        state.now += 50;
      }
    };
    let message = "";
    try {
      outer.run(() => late.run(work));
    } catch (error) {
      if (error instanceof QueryError) message = error.message;
    }
    expect(message).toStartWith("outer: took longer");
    expect(state.now).toBe(200);
  });
});
