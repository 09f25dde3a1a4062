/** A damped random walk: one step a night, the same for everyone who asks. */
import { hash, Random } from "./random.ts";

/** Nights over which it forgets. */
const DAMPING = 60;
const KEEP = Math.exp(-1 / DAMPING);
/**
 * Nights from one anchor to the next. Values at anchors are drawn by themselves, and between two of them the
 * walk goes from the one to the other: so any night is found without walking from the beginning of time.
 */
const STRIDE = 256;

/** Of unit variance. */
export class Walk {
  /** The nights between two anchors that were asked for last. */
  #segment = Number.NaN;
  #values = new Float32Array(0);

  constructor(readonly key: number) {}

  /** The value at a time in nights, on the line between two nights. */
  at(day: number): number {
    const night = Math.floor(day);
    const before = this.#atNight(night);
    return before + (this.#atNight(night + 1) - before) * (day - night);
  }

  #atNight(night: number): number {
    const segment = Math.floor(night / STRIDE);
    // The night after the last one of a segment is an anchor, which the segment knows too.
    if (segment !== this.#segment && night !== (this.#segment + 1) * STRIDE) {
      this.#values = walkBetween(this.key, segment);
      this.#segment = segment;
    }
    return this.#values[night - this.#segment * STRIDE] ?? 0;
  }
}

/** By how much the last value, the goal and chance make the next one, when the goal is some nights away. */
interface Law {
  readonly last: number;
  readonly goal: number;
  readonly chance: number;
}

/** The walk's law by the nights from the last value to the goal. */
const LAWS: readonly Law[] = Array.from({ length: STRIDE + 1 }, (_, left) => {
  const step = 1 - KEEP ** 2;
  const rest = 1 - KEEP ** (2 * (left - 1));
  const all = 1 - KEEP ** (2 * left);
  return {
    last: (KEEP * rest) / all,
    goal: (KEEP ** (left - 1) * step) / all,
    chance: Math.sqrt((step * rest) / all),
  };
});

/** Values from an anchor to the next, both included. */
function walkBetween(key: number, segment: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(STRIDE + 1);
  const start = segment * STRIDE;
  const goal = draw(key, start + STRIDE);
  values[0] = draw(key, start);
  values[STRIDE] = goal;
  for (let night = 1; night < STRIDE; night++) {
    const law = LAWS[STRIDE - night + 1];
    if (law === undefined) break;
    values[night] =
      law.last * (values[night - 1] ?? 0) + law.goal * goal + law.chance * draw(key, start + night);
  }
  return values;
}

const draws = new Random(0);

function draw(key: number, night: number): number {
  return draws.restart(hash(key, 20, night)).normal();
}
