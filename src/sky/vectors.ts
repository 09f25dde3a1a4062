/** Sums and products of vectors. Pure. */
import type { Vector } from "./frames.ts";

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

/** The volume that three vectors span, above zero where they turn left. */
export function triple(a: Vector, b: Vector, c: Vector): number {
  return dot(a, cross(b, c));
}

export function difference(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}
