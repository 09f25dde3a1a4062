/** Shapes on the sky: what lies in them does not depend on where the sphere is turned, nor on who looks at whom. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  angleBetween,
  ringRelation,
  SkyPolygon,
  separation,
  unitVector,
  type Vector,
} from "../../src/sky/index.ts";
import { pointAt, WIDE_BAND } from "../support/sky.ts";

const angle = fc.double({ min: 0, max: 360, maxExcluded: true, noNaN: true });
const latitude = fc.oneof(fc.double({ min: -90, max: 90, noNaN: true }), fc.constantFrom(-90, 90, 0));
const place = fc.tuple(angle, latitude);

type Turn = (point: Vector) => Vector;

/** Turns of the sphere: about its axis, then about that of x, then about its axis again. */
const turn = fc.tuple(angle, angle, angle).map(([a, b, c]): Turn => {
  const about = (axis: 0 | 2, degrees: number, point: Vector): Vector => {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    const [x, y, z] = point;
    return axis === 2 ? [x * cos - y * sin, x * sin + y * cos, z] : [x, y * cos - z * sin, y * sin + z * cos];
  };
  return (point) => about(2, c, about(0, b, about(2, a, point)));
});

/** A star-shaped ring round a centre, up to 70° away from it. */
const ring = fc
  .tuple(place, fc.array(fc.double({ min: 0.1, max: 70, noNaN: true }), { minLength: 3, maxLength: 12 }))
  .map(([centre, distances]) =>
    distances.map((distance, n) => unitVector(...pointAt(centre, distance, (360 * n) / distances.length))),
  );

describe("shapes on the sky", () => {
  test("distances are the same in both directions, and wherever the sphere is turned", () => {
    fc.assert(
      fc.property(place, place, turn, (a, b, turned) => {
        const [p, q] = [unitVector(...a), unitVector(...b)];
        const degrees = separation(...a, ...b);
        expect(separation(...b, ...a)).toBeCloseTo(degrees, 11);
        expect((angleBetween(turned(p), turned(q)) * 180) / Math.PI).toBeCloseTo(degrees, 11);
      }),
    );
  });

  test("a polygon holds a point, and is as far from it, wherever the sphere is turned and in either direction", () => {
    fc.assert(
      fc.property(ring, place, turn, (corners, at, turned) => {
        const point = unitVector(...at);
        const polygon = new SkyPolygon(corners);
        fc.pre(polygon.distance(point) > 1e-9);
        const elsewhere = new SkyPolygon(corners.map(turned));
        const backwards = new SkyPolygon([...corners].reverse());
        expect(elsewhere.contains(turned(point))).toBe(polygon.contains(point));
        expect(backwards.contains(point)).toBe(polygon.contains(point));
        expect(elsewhere.distance(turned(point))).toBeCloseTo(polygon.distance(point), 9);
      }),
      { numRuns: 500 },
    );
  });

  test("what a disc is told to lie in, all of it lies in", () => {
    const radius = fc.double({ min: 1e-6, max: 0.5, noNaN: true });
    fc.assert(
      fc.property(
        ring,
        place,
        place,
        radius,
        fc.double({ min: 0, max: 2, noNaN: true }),
        angle,
        (corners, at, other, size, outer, bearing) => {
          const polygon = new SkyPolygon(corners);
          const centre = unitVector(...other);
          const edge = unitVector(...pointAt(at, (size * 0.999999 * 180) / Math.PI, bearing));
          const shapes = [
            { relation: polygon.relation()(unitVector(...at), size), holds: polygon.contains(edge) },
            {
              relation: ringRelation(centre, outer)(unitVector(...at), size),
              holds: angleBetween(centre, edge) <= outer,
            },
          ];
          for (const { relation, holds } of shapes) {
            if (relation === "inside") expect(holds).toBe(true);
            if (relation === "outside") expect(holds).toBe(false);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

test("a band that holds opposite points leaves out none of its cells", () => {
  const relate = new SkyPolygon(WIDE_BAND.map(([ra, dec]) => unitVector(ra, dec))).relation();
  for (const [ra, dec] of [
    [-95, 0],
    [85, 0],
    [95, 5],
    [0, 0],
  ] as const) {
    expect(relate(unitVector(ra, dec), 0.001)).not.toBe("outside");
  }
  // Opposite of what lies inside: it is not.
  expect(relate(unitVector(180, 0), 0.001)).toBe("outside");
});
