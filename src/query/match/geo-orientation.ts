/**
 * On which side of a great circle a point lies, decided for every three different points.
 *
 * A determinant of rounded numbers says nothing near zero. There it is computed again from differences of the
 * points, which are exact for near ones, and where that is zero too, as if all points were moved by the same
 * infinitesimal vector. MongoDB decides in the same way (S2 geometry, `ExpensiveCCW`): two stores must agree on
 * which polygons are good, also on those whose corners lie on edges.
 */
import type { Vector } from "./geo-geometry.ts";

/** The greatest error of a determinant of unit vectors in doubles: 14 × 2⁻⁵⁴. */
export const DETERMINANT_ERROR = 0.8e-15;

export type Turn = -1 | 0 | 1;

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function same(a: Vector, b: Vector): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2];
}

/** 1 when unit vectors turn left at `b` on the way from `a` to `c`, −1 when right, 0 when two of them are equal. */
export function turnOf(a: Vector, b: Vector, c: Vector): Turn {
  const determinant = dot(cross(a, b), c);
  if (determinant > DETERMINANT_ERROR) return 1;
  if (determinant < -DETERMINANT_ERROR) return -1;
  return turnOfNear(a, b, c);
}

function turnOfNear(a: Vector, b: Vector, c: Vector): Turn {
  if (same(a, b) || same(b, c) || same(c, a)) return 0;
  // Of each pair whichever of sum and difference is the smaller, as points may be nearly opposite.
  const signAB = dot(a, b) > 0 ? -1 : 1;
  const signBC = dot(b, c) > 0 ? -1 : 1;
  const signCA = dot(c, a) > 0 ? -1 : 1;
  const ab = combine(a, signAB, b);
  const bc = combine(b, signBC, c);
  const ca = combine(c, signCA, a);
  const [lengthAB, lengthBC, lengthCA] = [dot(ab, ab), dot(bc, bc), dot(ca, ca)];
  // Seen from the point across the longest side.
  const beforeBC = lengthCA < lengthBC || (lengthCA === lengthBC && isLess(a, b));
  let volume: number;
  if (beforeBC && (lengthAB < lengthBC || (lengthAB === lengthBC && isLess(a, c)))) {
    volume = dot(cross(ab, ca), a) * signAB;
  } else if (!beforeBC && (lengthAB < lengthCA || (lengthAB === lengthCA && isLess(b, c)))) {
    volume = dot(cross(bc, ab), b) * signBC;
  } else {
    volume = dot(cross(ca, bc), c) * signCA;
  }
  if (volume !== 0) return volume > 0 ? 1 : -1;
  return turnInPlane(a, b, c, 1, 2) || turnInPlane(a, b, c, 2, 0) || turnInPlane(a, b, c, 0, 1);
}

function combine(a: Vector, sign: number, b: Vector): Vector {
  return [a[0] + sign * b[0], a[1] + sign * b[1], a[2] + sign * b[2]];
}

/** Lexicographic order. */
function isLess(a: readonly number[], b: readonly number[]): boolean {
  const index = a.findIndex((x, i) => x !== b[i]);
  return index >= 0 && (a[index] ?? 0) < (b[index] ?? 0);
}

type Axis = 0 | 1 | 2;

/** How three points go round the origin of a plane of coordinates. */
function turnInPlane(a: Vector, b: Vector, c: Vector, x: Axis, y: Axis): Turn {
  const [p, q, r] = [a, b, c].map((point): Flat => [point[x], point[y]]) as [Flat, Flat, Flat];
  return Math.sign(sideInPlane(p, q) + sideInPlane(q, r) + sideInPlane(r, p)) as Turn;
}

type Flat = readonly [x: number, y: number];

function sideInPlane(a: Flat, b: Flat): number {
  const sign = a[0] * b[0] + a[1] * b[1] > 0 ? -1 : 1;
  const sum: Flat = [a[0] + sign * b[0], a[1] + sign * b[1]];
  const [lengthA, lengthB] = [a[0] * a[0] + a[1] * a[1], b[0] * b[0] + b[1] * b[1]];
  const nearA = lengthA < lengthB || (lengthA === lengthB && isLess(a, b));
  return Math.sign(nearA ? (a[0] * sum[1] - a[1] * sum[0]) * sign : sum[0] * b[1] - sum[1] * b[0]);
}

/** Whether, going left round `o` from `a`, one comes to `b` no later than to `c`. */
export function inOrderRound(a: Vector, b: Vector, c: Vector, o: Vector): boolean {
  let passed = 0;
  if (turnOf(b, o, a) >= 0) passed++;
  if (turnOf(c, o, b) >= 0) passed++;
  if (turnOf(a, o, c) > 0) passed++;
  return passed >= 2;
}

/** How two arcs lie: 1 when they cross within both, 0 when they share an end, −1 otherwise. */
export function crossingOf(a: Vector, b: Vector, c: Vector, d: Vector): Turn {
  const acb = -turnOf(a, b, c);
  const bda = turnOf(a, b, d);
  if (acb === 0 || bda === 0) return 0;
  if (acb !== bda || -turnOf(c, d, b) !== acb) return -1;
  return turnOf(c, d, a) === acb ? 1 : -1;
}
