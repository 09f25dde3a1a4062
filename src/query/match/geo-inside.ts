/**
 * Whether points lie inside of loops: by counting the edges on the way from a fixed point.
 *
 * The fixed point and the directions at corners are those of S2 geometry, so that points on an edge or a corner are
 * inside for us when they are for MongoDB.
 */
import type { Vector } from "./geo-geometry.ts";
import { cross, crossingOf, DETERMINANT_ERROR, dot, inOrderRound, same } from "./geo-orientation.ts";

/** Where the way to a point begins. */
const START = unit([0.00457, 1, 0.0321]);

/** Whether `START` is to the left of a loop, at whose corners the direction aside decides. */
export function startsInside(loop: readonly Vector[]): boolean {
  const [before, corner, after] = loop as readonly [Vector, Vector, Vector];
  return inOrderRound(asideOf(corner), before, after, corner) !== isOddTo(loop, corner);
}

/** Whether the arc from `START` to a point crosses a loop an odd number of times. */
export function isOddTo(loop: readonly Vector[], point: Vector): boolean {
  const way = cross(START, point);
  let isOdd = false;
  let previous = loop[loop.length - 1] as Vector;
  let before = dot(way, previous);
  for (const corner of loop) {
    const side = dot(way, corner);
    if (
      side > 0 !== before > 0 ||
      Math.abs(side) <= DETERMINANT_ERROR ||
      Math.abs(before) <= DETERMINANT_ERROR
    ) {
      const crossing = crossingOf(START, point, previous, corner);
      if (crossing > 0 || (crossing === 0 && passesEnd(point, previous, corner))) isOdd = !isOdd;
    }
    previous = corner;
    before = side;
  }
  return isOdd;
}

/** Whether the way to a point that is an end of an edge counts as crossing it: the edges on one side of it do. */
function passesEnd(point: Vector, from: Vector, to: Vector): boolean {
  if (same(point, from)) return inOrderRound(asideOf(point), to, START, point);
  return same(point, to) && inOrderRound(asideOf(point), from, START, point);
}

/** A point a quarter of the sky aside of another, always in the same direction. */
function asideOf(point: Vector): Vector {
  const [x, y, z] = point.map(Math.abs) as [number, number, number];
  const largest = x > y ? (x > z ? 0 : 2) : y > z ? 1 : 2;
  const other: [number, number, number] = [0.012, 0.0053, 0.00457];
  other[(largest + 2) % 3] = 1;
  return unit(cross(point, other));
}

function unit(vector: Vector): Vector {
  const length = Math.sqrt(dot(vector, vector));
  return [vector[0] / length, vector[1] / length, vector[2] / length];
}
