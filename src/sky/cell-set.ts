/** Sets of cells: regions of any shape, whose containment is exact. Pure. */
import { type CellRange, mergeRanges } from "./cover.ts";
import { cellAt, cellCount, FINEST_ORDER } from "./healpix.ts";

/** Cells of an order, as ascending ranges that do not touch. Positions are right ascension and declination. */
export class CellSet {
  /** First and last cell of each range, one behind the other. */
  readonly #ends: Float64Array;

  /** Takes ranges in any order. */
  constructor(
    readonly order: number,
    ranges: readonly CellRange[],
  ) {
    const merged = mergeRanges(ranges);
    this.#ends = new Float64Array(2 * merged.length);
    merged.forEach(([first, last], index) => {
      this.#ends[2 * index] = first;
      this.#ends[2 * index + 1] = last;
    });
  }

  /** Of cells of several orders, none finer than `order`. */
  static of(order: number, cells: Iterable<readonly [order: number, cell: number]>): CellSet {
    const ranges: CellRange[] = [];
    for (const [own, cell] of cells) {
      const factor = 4 ** (order - own);
      ranges.push([cell * factor, (cell + 1) * factor - 1]);
    }
    return new CellSet(order, ranges);
  }

  get ranges(): CellRange[] {
    const ranges: CellRange[] = [];
    for (let at = 0; at < this.#ends.length; at += 2) {
      ranges.push([this.#ends[at] ?? 0, this.#ends[at + 1] ?? 0]);
    }
    return ranges;
  }

  /** Share of the sphere, 0 … 1. */
  get share(): number {
    return this.ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0) / cellCount(this.order);
  }

  has(cell: number): boolean {
    let low = 0;
    let high = this.#ends.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ends[2 * middle + 1] ?? 0) < cell) low = middle + 1;
      else high = middle;
    }
    return low < this.#ends.length / 2 && (this.#ends[2 * low] ?? 0) <= cell;
  }

  /** Whether some cell of a range is in the set. */
  meets([first, last]: CellRange): boolean {
    if (this.has(first)) return true;
    return this.ranges.some(([begin]) => begin > first && begin <= last);
  }

  /** Whether a position in degrees lies in the set. */
  contains(ra: number, dec: number): boolean {
    return this.has(cellAt(this.order, ra, dec));
  }

  /** The cells of another order that hold a part of the set: the same region when the order is no coarser. */
  at(order: number): CellSet {
    const factor = 4 ** Math.abs(order - this.order);
    const ranges = this.ranges.map(
      ([first, last]): CellRange =>
        order >= this.order
          ? [first * factor, (last + 1) * factor - 1]
          : [Math.floor(first / factor), Math.floor(last / factor)],
    );
    return new CellSet(order, ranges);
  }

  /** The fewest cells that make up the set. */
  *cells(): Generator<[order: number, cell: number]> {
    for (const [first, last] of this.ranges) {
      let at = first;
      while (at <= last) {
        // The largest cell that begins here and ends in the range.
        let up = 0;
        let size = 1;
        while (up < this.order && at % (4 * size) === 0 && at + 4 * size - 1 <= last) {
          up++;
          size *= 4;
        }
        yield [this.order - up, at / size];
        at += size;
      }
    }
  }

  /** As text of the IVOA standard MOC 2.0: `order/cell first-last …`. */
  toMoc(): string {
    const byOrder = new Map<number, CellRange[]>();
    for (const [order, cell] of this.cells()) {
      const known = byOrder.get(order);
      if (known === undefined) byOrder.set(order, [[cell, cell]]);
      else known.push([cell, cell]);
    }
    const parts = [...byOrder]
      .sort(([a], [b]) => a - b)
      .map(([order, cells]) => {
        const runs = mergeRanges(cells).map(([first, last]) =>
          first === last ? `${first}` : `${first}-${last}`,
        );
        return `${order}/${runs.join(" ")}`;
      });
    // The order of the whole ends it, also where no cell is that fine.
    if (!byOrder.has(this.order)) parts.push(`${this.order}/`);
    return parts.join(" ");
  }

  /** The order, then gaps and lengths of the ranges as numbers of seven bits a byte. */
  toBytes(): Uint8Array {
    const bytes: number[] = [this.order];
    let end = 0;
    for (const [first, last] of this.ranges) {
      pushNumber(bytes, first - end);
      pushNumber(bytes, last - first);
      end = last;
    }
    return Uint8Array.from(bytes);
  }

  /** What `toBytes` made. Throws `RangeError` for other bytes. */
  static fromBytes(bytes: Uint8Array): CellSet {
    const [order = FINEST_ORDER + 1] = bytes;
    if (order > FINEST_ORDER)
      throw new RangeError(`cells of order ${order}: expected at most ${FINEST_ORDER}`);
    const ranges: CellRange[] = [];
    let at = 1;
    const next = () => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++];
        if (byte === undefined) throw new RangeError("the bytes of a set of cells are cut off");
        value += (byte & 127) * scale;
        if (byte < 128) return value;
      }
    };
    let end = 0;
    while (at < bytes.length) {
      const first = end + next();
      end = first + next();
      ranges.push([first, end]);
    }
    return new CellSet(order, ranges);
  }
}

function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
