/** Which rows match a position: cones, galaxies by their distance, the two near galaxies. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Double } from "bson";
import fc from "fast-check";
import { matchesOf } from "../../src/enrich/crossmatch/matches.ts";
import { crossMatchRules, type MatchRule } from "../../src/enrich/crossmatch/rules.ts";
import { type Document, double, isDocument } from "../../src/query/index.ts";
import { DEGREES_PER_RADIAN, separation, unitVector } from "../../src/sky/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { plain, row } from "./support.ts";

function ruleOf(catalog: string, config: Parameters<typeof crossMatchRules>[0] = {}): MatchRule {
  const rule = crossMatchRules(config)
    .get("ZTF")
    ?.find((each) => each.catalog === catalog);
  if (rule === undefined) throw new Error(`ZTF has no rule for ${catalog}`);
  return rule;
}

/** What is told of the distance of each match. */
function distances(matches: readonly Document[] | undefined): unknown[] {
  return (matches ?? []).map(({ _id, coordinates }) => {
    const { distance_arcsec, distance_kpc } = isDocument(coordinates) ? coordinates : {};
    return plain({
      _id: _id ?? null,
      distance_arcsec: distance_arcsec ?? null,
      distance_kpc: distance_kpc ?? null,
    });
  });
}

interface GoldenCase {
  readonly catalog?: string;
  readonly alert: [number, number];
  readonly galaxies?: { _id: number; ra: number; dec: number; z: number | null; DistMpc: number | null }[];
  readonly matches?: { _id: number }[];
  readonly CLU?: GoldenNear[];
  readonly NED?: GoldenNear[];
}
interface GoldenNear {
  readonly _id: number;
  readonly c: { radec_str: string[]; distance_arcsec: number; distance_kpc: number };
}

describe.skipIf(sharedDir() === undefined)("the values of the original", () => {
  const cases: GoldenCase[] =
    sharedDir() === undefined
      ? []
      : JSON.parse(readFileSync(sharedPath("reference", "golden.json"), "utf8")).clu;

  test("galaxies by redshift and by distance", () => {
    const compared = cases.filter(({ galaxies }) => galaxies !== undefined);
    expect(compared.map(({ catalog }) => catalog)).toEqual(["CLU_20190625", "NED_BetaV3"]);
    for (const { catalog = "", alert, galaxies = [], matches = [] } of compared) {
      const rows = galaxies.map(({ _id, ra, dec, z, DistMpc }) => row(_id, ra, dec, { z, DistMpc }));
      const [found] = matchesOf(ruleOf(catalog), [{ ra: alert[0], dec: alert[1] }], rows);
      const byId = distances(found).toSorted(
        (a, b) => (a as { _id: number })._id - (b as { _id: number })._id,
      );
      expect(byId).toEqual(matches);
    }
  });

  test("Andromeda by its outline", () => {
    const [near] = cases.filter(({ CLU }) => CLU !== undefined);
    if (near === undefined) throw new Error("golden.json has no case of a near galaxy");
    const target = { ra: near.alert[0], dec: near.alert[1] };
    for (const [catalog, expected] of [
      ["CLU_20190625", near.CLU],
      ["NED_BetaV3", near.NED],
    ] as const) {
      const [found] = matchesOf(ruleOf(catalog), [target], []);
      expect(
        found?.map((match) => plain({ _id: match["_id"] ?? null, c: match["coordinates"] ?? null })),
      ).toEqual(expected ?? []);
    }
  });
});

describe("cones", () => {
  const arcsec = 1 / 3600;

  test("the rows within the radius, the nearest first, with their distance and kept fields", () => {
    const rule = ruleOf("X", { ZTF: { X: { radius_arcsec: 2, projection: { mag: 1 } } } });
    const rows = [
      row(1, 10, 20 + 1.9 * arcsec, { mag: 18.5, other: 1 }),
      row(2, 10, 20 - 0.5 * arcsec, { mag: 19.5, other: 1 }),
      row(3, 10, 20 + 2.1 * arcsec, { mag: 20.5, other: 1 }),
    ];
    const [found, none] = matchesOf(
      rule,
      [
        { ra: 10, dec: 20 },
        { ra: 11, dec: 20 },
      ],
      rows,
    );
    expect(found).toEqual([
      { _id: 2, mag: 19.5, coordinates: { distance_arcsec: 0.5 } },
      { _id: 1, mag: 18.5, coordinates: { distance_arcsec: 1.9 } },
    ]);
    expect(none).toEqual([]);
  });

  test("a filter, an order and a limit", () => {
    const rule = ruleOf("X", {
      ZTF: {
        X: {
          radius_arcsec: 5,
          filter: { class: "star" },
          sort: { mag: -1 },
          limit: 2,
          projection: { _id: 1 },
        },
      },
    });
    const rows = [1, 2, 3, 4].map((n) =>
      row(n, 10, 20 + n * arcsec, { mag: 15.5 + n, class: n === 4 ? "galaxy" : "star" }),
    );
    const [found] = matchesOf(rule, [{ ra: 10, dec: 20 }], rows);
    expect(found?.map(({ _id }) => _id)).toEqual([3, 2]);
  });

  test("whole arcseconds are doubles, as every distance is", () => {
    const rule = ruleOf("X", { ZTF: { X: { radius_arcsec: 5 } } });
    const [found] = matchesOf(rule, [{ ra: 0, dec: 0 }], [row(1, 0, 0)]);
    expect(found?.[0]?.["coordinates"]).toMatchObject({ distance_arcsec: new Double(0) });
  });
});

describe("any turn of the sky", () => {
  /** Turned about the axis through (90°, 0°): the poles and ra = 0 come everywhere. */
  const turned = ({ ra, dec }: { ra: number; dec: number }, by: number) => {
    const [x, y, z] = unitVector(ra, dec);
    const [cos, sin] = [Math.cos(by), Math.sin(by)];
    const [x1, z1] = [x * cos - z * sin, x * sin + z * cos];
    const longitude = Math.atan2(y, x1) * DEGREES_PER_RADIAN;
    return {
      ra: longitude < 0 ? longitude + 360 : longitude,
      dec: Math.atan2(z1, Math.hypot(x1, y)) * DEGREES_PER_RADIAN,
    };
  };
  const offset = fc.double({ min: -320, max: 320, noNaN: true });
  const place = fc.record({
    east: offset,
    north: offset,
    z: fc.double({ min: 0.0001, max: 0.2, noNaN: true }),
  });
  const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });

  test("leaves the matches what they are, cones and galaxies", () => {
    const stars = ruleOf("Stars", { ZTF: { Stars: { radius_arcsec: 120 } } });
    const at = { ra: 12.3, dec: 0 };
    fc.assert(
      fc.property(fc.array(place, { maxLength: 30 }), angle, (places, by) => {
        const rows = places.map(({ east, north, z }, n) => ({
          n,
          z,
          ra: at.ra + east / 3600,
          dec: north / 3600,
        }));
        for (const rule of [stars, ruleOf("CLU_20190625")]) {
          // What lies on the border itself may fall to either side by rounding.
          const decided = rows.filter(({ ra, dec, z }) => {
            const reach = rule.distance?.reach({ z }) ?? rule.radius;
            return Math.abs(separation(at.ra, at.dec, ra, dec) - reach) > 1e-9;
          });
          const here = decided.map(({ n, z, ra, dec }) => row(n, ra, dec, { z }));
          const there = decided.map(({ n, z, ra, dec }) => {
            const moved = turned({ ra, dec }, by);
            return row(n, moved.ra, moved.dec, { z });
          });
          const ids = (found: Document[][]) =>
            found[0]?.map(({ _id }) => Number(_id)).toSorted((a, b) => a - b);
          expect(ids(matchesOf(rule, [turned(at, by)], there))).toEqual(
            ids(matchesOf(rule, [at], here)) ?? [],
          );
        }
      }),
    );
  });

  test("and of two positions each matches the other, at the same distance", () => {
    const rule = ruleOf("Stars", { ZTF: { Stars: { radius_arcsec: 200 } } });
    fc.assert(
      fc.property(place, angle, ({ east, north }, by) => {
        const a = turned({ ra: 12.3, dec: 0 }, by);
        const b = turned({ ra: 12.3 + east / 3600, dec: north / 3600 }, by);
        fc.pre(Math.abs(separation(a.ra, a.dec, b.ra, b.dec) - 200 / 3600) > 1e-9);
        const [ab] = matchesOf(rule, [a], [row(1, b.ra, b.dec)]);
        const [ba] = matchesOf(rule, [b], [row(1, a.ra, a.dec)]);
        expect(ab?.length).toBe(ba?.length ?? -1);
        const arcsec = (found: Document[] | undefined) =>
          Number((found?.[0]?.["coordinates"] as Document | undefined)?.["distance_arcsec"] ?? 0);
        expect(Math.abs(arcsec(ab) - arcsec(ba))).toBeLessThan(0.011);
      }),
    );
  });
});

describe("galaxies", () => {
  const at = { ra: 180, dec: 20 };
  const galaxy = (id: number, arcsec: number, z: Document[string]) => row(id, 180, 20 + arcsec / 3600, { z });

  test("without a redshift there is no match and no error", () => {
    const rows = [galaxy(1, 1, null), row(2, 180, 20), galaxy(3, 1, "0.1"), galaxy(4, 1, Number.NaN)];
    expect(matchesOf(ruleOf("CLU_20190625"), [at], rows)).toEqual([[]]);
  });

  test("a key of the configuration changes that alone", () => {
    const rule = ruleOf("CLU_20190625", { ZTF: { CLU_20190625: { distance: { radius_kpc: 3 } } } });
    const [found] = matchesOf(rule, [at], [galaxy(1, 1, 0.1), galaxy(2, 2, 0.1), galaxy(3, 290, 0.001)]);
    expect(found?.map(({ _id }) => _id)).toEqual([1, 3]);
    const mine = ruleOf("Mine", { ZTF: { Mine: { radius_arcsec: 20, distance: {} } } });
    expect(matchesOf(mine, [at], [galaxy(1, 14, 0.1), galaxy(2, 16, 0.1)])[0]?.map(({ _id }) => _id)).toEqual(
      [1],
    );
  });

  test("integral and 64-bit redshifts count", () => {
    const rows = [galaxy(1, 1, 1), galaxy(2, 1, 1n), galaxy(3, 1, double(1))];
    const [found] = matchesOf(ruleOf("CLU_20190625"), [at], rows);
    expect(distances(found)).toEqual([1, 2, 3].map((_id) => ({ _id, distance_arcsec: 1, distance_kpc: 20 })));
  });

  test("a catalogue's own entry of Andromeda is not doubled", () => {
    const rule = ruleOf("CLU_20190625");
    const target = { ra: 10.6847, dec: 41.27 };
    const own = row(596900, 10.6847, 41.26901, { name: "own", z: -0.001001 });
    const other = row(7, 10.68470001, 41.26901, { name: "NGC 224", z: -0.001 });
    const names = (rows: Document[]) => matchesOf(rule, [target], rows)[0]?.map(({ name }) => name);
    expect(names([])).toEqual(["M31"]);
    expect(names([own])).toEqual(["own"]);
    expect(names([other])).toEqual(["NGC 224"]);
    // Farther out only the outline knows that this is Andromeda.
    expect(matchesOf(rule, [{ ra: 11, dec: 41.5 }], [own])[0]?.map(({ name }) => name)).toEqual(["M31"]);
  });

  test("Triangulum by its outline", () => {
    const rule = ruleOf("NED_BetaV3");
    expect(matchesOf(rule, [{ ra: 23.46204, dec: 30.9 }], [])[0]?.map(({ _id }) => _id)).toEqual([597543]);
    expect(matchesOf(rule, [{ ra: 23.46204, dec: 31.4 }], [])[0]).toEqual([]);
  });
});
