/** The ellipse test against the values of the original, and what must hold of any ellipse. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { ellipseRelation, inEllipse, separation, unitVector } from "../../src/sky/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { pointAt } from "../support/sky.ts";

type GoldenEllipse = [args: [number, number, number, number, number, number, number], inside: boolean];
type GoldenDistance = [args: [number, number, number, number], degrees: number];

const golden: { in_ellipse: GoldenEllipse[]; gcd: GoldenDistance[] } =
  sharedDir() === undefined
    ? { in_ellipse: [], gcd: [] }
    : JSON.parse(readFileSync(sharedPath("reference", "golden.json"), "utf8"));

const ra = fc.double({ min: 0, max: 359.999, noNaN: true });
const dec = fc.double({ min: -90, max: 90, noNaN: true });
const axis = fc.double({ min: 1e-4, max: 5, noNaN: true });
const ratio = fc.double({ min: 0.05, max: 1, noNaN: true });
const angle = fc.double({ min: 0, max: 180, noNaN: true });

/** Turns a position about an axis through (90°, 0°): poles and ra = 0 come everywhere. */
function turned(ra0: number, dec0: number, by: number): [ra: number, dec: number] {
  const [x, y, z] = unitVector(ra0, dec0);
  const cos = Math.cos((by * Math.PI) / 180);
  const sin = Math.sin((by * Math.PI) / 180);
  const [x1, z1] = [x * cos - z * sin, x * sin + z * cos];
  const longitude = (Math.atan2(y, x1) * 180) / Math.PI;
  return [longitude < 0 ? longitude + 360 : longitude, (Math.atan2(z1, Math.hypot(x1, y)) * 180) / Math.PI];
}

describe.skipIf(sharedDir() === undefined)("the values of the original", () => {
  test("ellipses", () => {
    expect(golden.in_ellipse.length).toBeGreaterThan(5);
    for (const [args, inside] of golden.in_ellipse) {
      const [ra0, dec0, ra1, dec1, semiMajor, q, positionAngle] = args;
      const ellipse = { ra: ra1, dec: dec1, semiMajor, ratio: q, positionAngle };
      expect({ args, inside: inEllipse(ra0, dec0, ellipse) }).toEqual({ args, inside });
    }
  });

  test("great-circle distances", () => {
    expect(golden.gcd.length).toBeGreaterThan(3);
    for (const [args, degrees] of golden.gcd) expect(separation(...args)).toBeCloseTo(degrees, 12);
  });
});

describe("ellipses", () => {
  test("the centre lies within", () => {
    fc.assert(
      fc.property(ra, dec, axis, ratio, angle, (a, d, semiMajor, q, positionAngle) => {
        expect(inEllipse(a, d, { ra: a, dec: d, semiMajor, ratio: q, positionAngle })).toBe(true);
      }),
    );
  });

  test("a circle is a cone, also after a turn of the sky", () => {
    fc.assert(
      fc.property(ra, dec, ra, dec, axis, angle, angle, (a, d, a1, d1, semiMajor, positionAngle, by) => {
        const far = separation(a, d, a1, d1);
        fc.pre(Math.abs(far - semiMajor) > 1e-9);
        const circle = { ra: a1, dec: d1, semiMajor, ratio: 1, positionAngle };
        expect(inEllipse(a, d, circle)).toBe(far < semiMajor);
        const [a2, d2] = turned(a1, d1, by);
        expect(inEllipse(...turned(a, d, by), { ...circle, ra: a2, dec: d2 })).toBe(far < semiMajor);
      }),
    );
  });

  test("an ellipse lies between the circles of its axes", () => {
    const near = fc.double({ min: -6, max: 6, noNaN: true });
    fc.assert(
      fc.property(
        ra,
        dec,
        near,
        near,
        axis,
        ratio,
        angle,
        (a, d, east, north, semiMajor, q, positionAngle) => {
          const [a0, d0] = [(a + east + 360) % 360, Math.max(-90, Math.min(90, d + north))];
          const inside = inEllipse(a0, d0, { ra: a, dec: d, semiMajor, ratio: q, positionAngle });
          const circle = (radius: number) =>
            inEllipse(a0, d0, { ra: a, dec: d, semiMajor: radius, ratio: 1, positionAngle });
          if (inside) expect(circle(semiMajor * (1 + 1e-12))).toBe(true);
          // In the tangent plane the minor axis is q times the tangent of the major.
          const minor = (Math.atan(q * Math.tan((semiMajor * Math.PI) / 180)) * 180) / Math.PI;
          if (!inside) expect(circle(minor * (1 - 1e-12))).toBe(false);
        },
      ),
    );
  });

  test("a turn by 180° of its position angle changes nothing", () => {
    const near = fc.double({ min: -3, max: 3, noNaN: true });
    fc.assert(
      fc.property(
        ra,
        dec,
        near,
        near,
        axis,
        ratio,
        angle,
        (a, d, east, north, semiMajor, q, positionAngle) => {
          const [a0, d0] = [(a + east + 360) % 360, Math.max(-90, Math.min(90, d + north))];
          const ellipse = { ra: a, dec: d, semiMajor, ratio: q, positionAngle };
          const half = { ...ellipse, positionAngle: positionAngle + 180 };
          // Points on the outline itself may fall to either side by rounding.
          const wider = { ...ellipse, semiMajor: semiMajor * (1 + 1e-9) };
          const narrower = { ...ellipse, semiMajor: semiMajor * (1 - 1e-9) };
          fc.pre(inEllipse(a0, d0, wider) === inEllipse(a0, d0, narrower));
          expect(inEllipse(a0, d0, half)).toBe(inEllipse(a0, d0, ellipse));
        },
      ),
    );
  });
});

describe("regions of ellipses", () => {
  const place = fc.tuple(ra, dec);
  const share = fc.double({ min: 0, max: 1.5, noNaN: true });
  const half = fc.double({ min: 1e-3, max: 89, noNaN: true });
  test("tell truly how discs lie to them, wherever they are and however thin", () => {
    const sine = (degrees: number) => Math.sin((degrees * Math.PI) / 180);
    fc.assert(
      fc.property(
        place,
        half,
        fc.double({ min: 1e-4, max: 1, noNaN: true }),
        angle,
        fc.tuple(share, angle, share, angle),
        (centre, semiMajor, q, positionAngle, [out, turn, near, bearing]) => {
          const minor = q * semiMajor;
          const ellipse = { ra: centre[0], dec: centre[1], semiMajor, ratio: q, positionAngle };
          // A point by how far out it lies in the plane of the ellipse, then a disc that has it on its border.
          const along = out * sine(semiMajor) * Math.cos(turn);
          const across = out * sine(minor) * Math.sin(turn);
          fc.pre(Math.hypot(along, across) < 1 && Math.abs(out - 1) > 1e-4);
          const away = (Math.asin(Math.hypot(along, across)) * 180) / Math.PI;
          const direction = positionAngle + (Math.atan2(across, along) * 180) / Math.PI;
          const point = pointAt(centre, away, direction);
          const radius = near * minor;
          const middle = unitVector(...pointAt(point, radius, bearing));
          const relation = ellipseRelation(ellipse)(middle, (radius * Math.PI) / 180 + 1e-12);
          expect(relation).not.toBe(out < 1 ? "outside" : "inside");
        },
      ),
      { numRuns: 2000 },
    );
  });
  test("leave no doubt far from the border", () => {
    const relate = ellipseRelation({ ra: 100, dec: 60, semiMajor: 10, ratio: 0.1, positionAngle: 90 });
    const lies = (distance: number, bearing: number) =>
      relate(unitVector(...pointAt([100, 60], distance, bearing)), 0.3 * (Math.PI / 180));
    expect([lies(0, 0), lies(5, 90), lies(5, 270)]).toEqual(["inside", "inside", "inside"]);
    expect([lies(1.4, 0), lies(10.4, 90), lies(9.5, 80)]).toEqual(["outside", "outside", "outside"]);
    expect([lies(0.9, 180), lies(9.9, 270)]).toEqual(["partly", "partly"]);
    expect(lies(180, 0)).toBe("outside");
  });
});
