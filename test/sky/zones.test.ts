/** Cone searches among positions sorted by zones, against a look at every position. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  fixedDec,
  fixedRa,
  separation,
  visitCone,
  type ZonedPositions,
  zoneOrder,
} from "../../src/sky/index.ts";

interface Position {
  readonly ra: number;
  readonly dec: number;
}

const ARCSEC = 1 / 3600;
/** Rounding of the fractions, and of the separation next to it. */
const MARGIN = 1.1 / 3_600_000;

function zoned(positions: readonly Position[]): ZonedPositions & { readonly order: Uint32Array } {
  const ras = Uint32Array.from(positions, ({ ra }) => fixedRa(ra));
  const decs = Uint32Array.from(positions, ({ dec }) => fixedDec(dec));
  const { starts, order } = zoneOrder(ras, decs);
  return {
    starts,
    order,
    ras: order.map((place) => ras[place] ?? 0),
    decs: order.map((place) => decs[place] ?? 0),
  };
}

function found(index: ReturnType<typeof zoned>, center: Position, radius: number): number[] {
  const places: number[] = [];
  visitCone(index, { ...center, radius }, (place) => places.push(index.order[place] ?? -1));
  return places.toSorted((a, b) => a - b);
}

/** Whole-sky positions with crowds where cones go wrong. */
const anywhere = fc.record({
  ra: fc.double({ min: 0, max: 360, noNaN: true, maxExcluded: true }),
  dec: fc.double({ min: -90, max: 90, noNaN: true }),
});
const small = fc.double({ min: -1, max: 1, noNaN: true });
const crowded = fc
  .tuple(
    fc.constantFrom([0, 0], [0, 90], [120, -90], [359.9999, 60], [90, 89.999], [180, -45], [270, 0.0055]),
    small,
    small,
    fc.constantFrom(1, 30, 600, 7200),
  )
  .map(([[ra = 0, dec = 0], east, north, arcsec]): Position => {
    const dec1 = Math.max(-90, Math.min(90, dec + north * arcsec * ARCSEC));
    const ra1 = ra + (east * arcsec * ARCSEC) / Math.max(1e-4, Math.cos((dec1 * Math.PI) / 180));
    return { ra: (((ra1 % 360) + 360) % 360) % 360, dec: dec1 };
  });
const position = fc.oneof(anywhere, crowded);
const radius = fc
  .constantFrom(0, 0.1, 2, 39.55, 300, 3600, 10_800, 90 * 3600, 180 * 3600)
  .map((a) => a * ARCSEC);

describe("cones among zones", () => {
  test("hold every position within the radius and none beyond it but by rounding", () => {
    fc.assert(
      fc.property(fc.array(position, { maxLength: 200 }), position, radius, (positions, center, reach) => {
        const places = found(zoned(positions), center, reach);
        expect(new Set(places).size).toBe(places.length);
        const far = ({ ra, dec }: Position) => separation(center.ra, center.dec, ra, dec);
        const within = positions.flatMap((each, place) => (far(each) <= reach ? [place] : []));
        expect(within.filter((place) => !places.includes(place))).toEqual([]);
        const beyond = places.filter((place) => far(positions[place] ?? center) > reach + MARGIN + 1e-9);
        expect(beyond).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  test("are symmetric: a holds b where b holds a", () => {
    fc.assert(
      fc.property(position, position, radius, (a, b, reach) => {
        fc.pre(Math.abs(separation(a.ra, a.dec, b.ra, b.dec) - reach) > 2 * MARGIN);
        expect(found(zoned([b]), a, reach).length).toBe(found(zoned([a]), b, reach).length);
      }),
      { numRuns: 500 },
    );
  });

  test("hold what smaller cones around the same place hold, and at the least the place itself", () => {
    fc.assert(
      fc.property(
        fc.array(position, { maxLength: 100 }),
        position,
        radius,
        radius,
        (positions, center, r1, r2) => {
          const index = zoned([...positions, center]);
          const [inner, outer] = [Math.min(r1, r2), Math.max(r1, r2)].map((r) => found(index, center, r));
          expect(inner).toContain(positions.length);
          expect((inner ?? []).filter((place) => !outer?.includes(place))).toEqual([]);
        },
      ),
    );
  });

  test("turn with the sky in right ascension", () => {
    const turn = fc.double({ min: 0, max: 360, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(position, { maxLength: 100 }),
        position,
        radius,
        turn,
        (positions, center, reach, by) => {
          const turned = ({ ra, dec }: Position): Position => ({ ra: (ra + by) % 360, dec });
          const decided = positions.filter(
            ({ ra, dec }) => Math.abs(separation(center.ra, center.dec, ra, dec) - reach) > 2 * MARGIN,
          );
          expect(found(zoned(decided.map(turned)), turned(center), reach)).toEqual(
            found(zoned(decided), center, reach),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  test("a crowded zone is in order", () => {
    const many = Array.from({ length: 3000 }, (_, n) => ({ ra: (n * 7919) % 360, dec: 10.001 }));
    const { ras, starts } = zoned(many);
    expect(ras.every((ra, place) => place === 0 || ra >= (ras[place - 1] ?? 0))).toBe(true);
    expect(starts.at(-1)).toBe(3000);
  });
});
