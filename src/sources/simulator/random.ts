/** Random numbers that follow from integers: the same numbers give the same draws, on every machine. */

/** Mixes integers into 32 well-spread bits. */
export function hash(a: number, b = 0, c = 0, d = 0): number {
  let h = mix((a | 0) ^ 0x9e3779b9);
  h = mix(h ^ Math.imul(b | 0, 0x85ebca6b));
  h = mix(h ^ Math.imul(c | 0, 0xc2b2ae35));
  return mix(h ^ Math.imul(d | 0, 0x27d4eb2f)) >>> 0;
}

function mix(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x7feb352d);
  h ^= h >>> 15;
  h = Math.imul(h, 0x846ca68b);
  return h ^ (h >>> 16);
}

/** A share from 0 to 1 (exclusive) that belongs to these integers. */
export function share(a: number, b = 0, c = 0, d = 0): number {
  return hash(a, b, c, d) / 0x1_0000_0000;
}

/** A sequence of draws. */
export class Random {
  #state: number;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Begins another sequence, as a new object would. */
  restart(seed: number): this {
    this.#state = seed >>> 0;
    this.#spare = undefined;
    return this;
  }

  /** From 0 to 1, exclusive. */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    return (mix(this.#state) >>> 0) / 0x1_0000_0000;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A whole number from `low` to `high`, inclusive. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** Normal with this mean and standard deviation (Box and Muller, both values used). */
  normal(mean = 0, sigma = 1): number {
    const spare = this.#spare;
    if (spare !== undefined) {
      this.#spare = undefined;
      return mean + sigma * spare;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const angle = 2 * Math.PI * this.next();
    this.#spare = radius * Math.sin(angle);
    return mean + sigma * radius * Math.cos(angle);
  }
}
