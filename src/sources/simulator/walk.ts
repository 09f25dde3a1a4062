/** Damped random walks, one for each object of a field, a step a night, of which the last month is kept. */
import { WINDOW_DAYS } from "./exposures.ts";
import { hash, Random } from "./random.ts";

const KEPT = WINDOW_DAYS + 4;
/** Days over which a walk forgets. */
const DAMPING_DAYS = 60;

export class Walks {
  readonly #values: Float32Array;
  readonly #random = new Random(0);
  #last: number;

  /** Walks of unit variance in equilibrium; `first` is the first night that is known. */
  constructor(
    readonly count: number,
    readonly seed: number,
    first: number,
  ) {
    this.#values = new Float32Array(count * KEPT);
    this.#last = first - 1;
    for (let i = 0; i < count; i++) this.#values[i * KEPT + slotOf(first - 1)] = this.#draw(i, first - 1);
  }

  /** Makes the values of all nights up to this one. */
  advance(night: number): void {
    const keep = Math.exp(-1 / DAMPING_DAYS);
    const step = Math.sqrt(1 - keep * keep);
    for (; this.#last < night; this.#last++) {
      const from = slotOf(this.#last);
      const to = slotOf(this.#last + 1);
      for (let i = 0; i < this.count; i++) {
        const before = this.#values[i * KEPT + from] ?? 0;
        this.#values[i * KEPT + to] = keep * before + step * this.#draw(i, this.#last + 1);
      }
    }
  }

  /** Value of a walk at a time between two nights that are known. */
  at(index: number, day: number): number {
    const night = Math.floor(day);
    const a = this.#values[index * KEPT + slotOf(night)] ?? 0;
    const b = this.#values[index * KEPT + slotOf(night + 1)] ?? 0;
    return a + (b - a) * (day - night);
  }

  #draw(index: number, night: number): number {
    return this.#random.restart(hash(this.seed, 20, index, night)).normal();
  }
}

function slotOf(night: number): number {
  return ((night % KEPT) + KEPT) % KEPT;
}
