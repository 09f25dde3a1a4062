/** Finds arcs of rings that cross, without looking at all pairs: a tree of boxes over arcs that follow each other. */
import { tick } from "../deadline.ts";
import type { Vector } from "./geo-geometry.ts";
import { cross, crossingOf, DETERMINANT_ERROR, same } from "./geo-orientation.ts";

/** An arc by its place: from the corner of that index of a ring to the next one. */
export interface Arc {
  readonly ring: number;
  readonly index: number;
}

/** Arcs in one leaf of the tree, which are compared one by one. */
const LEAF = 16;
/** Looking at a pair is less than a step of the deadline's. */
const STEPS_OF_A_PAIR = 1 / 8;
/** So many pairs are looked at, in less than a second: all of 11,000 arcs. */
const MOST_PAIRS = 60_000_000;
/** Numbers of a box: least and greatest x, y and z. */
const SIDES = 6;
/** Of the rounding of boxes. */
const MARGIN = 1e-14;

/**
 * Two arcs of rings that cross within both; undefined when none do; `unknown` when so many lie side by side that a
 * look at all would take long: not those of any rings of 10,000 corners. Rings are without their last corner.
 */
export function crossingArcs(rings: readonly (readonly Vector[])[]): [Arc, Arc] | "unknown" | undefined {
  const tree = new ArcTree(rings);
  const pair = tree.crossing();
  return typeof pair === "object" ? [tree.arc(pair[0]), tree.arc(pair[1])] : pair;
}

/** A half-open range of arcs, and the halves of it unless there are few. */
interface Node {
  readonly from: number;
  readonly to: number;
  readonly box: Float64Array;
  readonly halves: readonly [Node, Node] | undefined;
}

class ArcTree {
  readonly #firsts: number[] = [];
  readonly #starts: Vector[] = [];
  readonly #ends: Vector[] = [];
  /** The same, three numbers for each arc. */
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  readonly #root: Node;

  constructor(rings: readonly (readonly Vector[])[]) {
    for (const ring of rings) {
      this.#firsts.push(this.#starts.length);
      ring.forEach((corner, index) => {
        this.#starts.push(corner);
        this.#ends.push(ring[(index + 1) % ring.length] as Vector);
      });
    }
    this.#from = Float64Array.from(this.#starts.flat());
    this.#to = Float64Array.from(this.#ends.flat());
    this.#root = this.#node(0, this.#starts.length);
  }

  arc(place: number): Arc {
    let ring = this.#firsts.length - 1;
    while (ring > 0 && (this.#firsts[ring] as number) > place) ring--;
    return { ring, index: place - (this.#firsts[ring] as number) };
  }

  /** Places of two arcs that cross. */
  crossing(): [number, number] | "unknown" | undefined {
    let pairs = 0;
    const pending: [Node, Node][] = [[this.#root, this.#root]];
    for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
      tick();
      const [a, b] = pair;
      if (!boxesMeet(a.box, b.box)) continue;
      if (a.halves === undefined && b.halves === undefined) {
        pairs += (a.to - a.from) * (b.to - b.from);
        if (pairs > MOST_PAIRS) return "unknown";
        const found = this.#crossingIn(a, b);
        if (found !== undefined) return found;
      } else if (a === b && a.halves !== undefined) {
        const [left, right] = a.halves;
        pending.push([right, right], [left, right], [left, left]);
      } else if (a.halves === undefined || (b.halves !== undefined && b.to - b.from > a.to - a.from)) {
        for (const half of b.halves ?? []) pending.push([a, half]);
      } else {
        for (const half of a.halves) pending.push([half, b]);
      }
    }
    return undefined;
  }

  #crossingIn(a: Node, b: Node): [number, number] | undefined {
    tick((a.to - a.from) * (b.to - b.from) * STEPS_OF_A_PAIR);
    const [starts, ends] = [this.#from, this.#to];
    for (let i = a.from; i < a.to; i++) {
      const [x, y, z] = cross(this.#starts[i] as Vector, this.#ends[i] as Vector);
      for (let j = a === b ? i + 1 : b.from; j < b.to; j++) {
        // Most arcs lie wholly on one side of the great circle of the other.
        const from = alongAt(starts, 3 * j, x, y, z);
        const to = alongAt(ends, 3 * j, x, y, z);
        if (from > DETERMINANT_ERROR && to > DETERMINANT_ERROR) continue;
        if (from < -DETERMINANT_ERROR && to < -DETERMINANT_ERROR) continue;
        if (this.#cross(i, j)) return [i, j];
      }
    }
    return undefined;
  }

  #cross(i: number, j: number): boolean {
    const [p, q] = [this.#starts[i] as Vector, this.#ends[i] as Vector];
    const [r, s] = [this.#starts[j] as Vector, this.#ends[j] as Vector];
    // The most frequent of those that are left.
    if (same(p, r) || same(p, s) || same(q, r) || same(q, s)) return false;
    return crossingOf(p, q, r, s) > 0;
  }

  #node(from: number, to: number): Node {
    const box = emptyBox();
    if (to - from <= LEAF) {
      for (let i = from; i < to; i++) extendBox(box, this.#starts[i] as Vector, this.#ends[i] as Vector);
      return { from, to, box, halves: undefined };
    }
    const middle = from + Math.ceil((to - from) / 2);
    const halves = [this.#node(from, middle), this.#node(middle, to)] as const;
    for (const { box: inner } of halves) {
      for (let side = 0; side < SIDES; side += 2) {
        box[side] = Math.min(box[side] as number, inner[side] as number);
        box[side + 1] = Math.max(box[side + 1] as number, inner[side + 1] as number);
      }
    }
    return { from, to, box, halves };
  }
}

/** The scalar product of a vector and the one that stands in a list. */
function alongAt(list: Float64Array, at: number, x: number, y: number, z: number): number {
  return x * (list[at] as number) + y * (list[at + 1] as number) + z * (list[at + 2] as number);
}

/** A box that holds nothing: least and greatest x, y and z. */
export function emptyBox(): Float64Array {
  const [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return Float64Array.of(least, greatest, least, greatest, least, greatest);
}

function boxesMeet(a: Float64Array, b: Float64Array): boolean {
  for (let side = 0; side < SIDES; side += 2) {
    if ((a[side] as number) > (b[side + 1] as number)) return false;
    if ((b[side] as number) > (a[side + 1] as number)) return false;
  }
  return true;
}

/** Whether a point lies within a box, but for rounding. */
export function inBox(box: Float64Array, point: Vector): boolean {
  for (let axis = 0; axis < 3; axis++) {
    const x = point[axis] as number;
    if (x < (box[2 * axis] as number) - MARGIN || x > (box[2 * axis + 1] as number) + MARGIN) return false;
  }
  return true;
}

/** Has a box hold an arc, which lies no farther from its chord than the middles of both from each other. */
export function extendBox(box: Float64Array, a: Vector, b: Vector): void {
  const bulge = 1 - Math.hypot(a[0] + b[0], a[1] + b[1], a[2] + b[2]) / 2 + MARGIN;
  for (const axis of [0, 1, 2] as const) {
    const least = Math.min(a[axis], b[axis]) - bulge;
    const greatest = Math.max(a[axis], b[axis]) + bulge;
    box[2 * axis] = Math.min(box[2 * axis] as number, least);
    box[2 * axis + 1] = Math.max(box[2 * axis + 1] as number, greatest);
  }
}
