/** Which rows match a position: cones, galaxies by their distance, the two near galaxies. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { Double } from "bson";
import { matchesOf } from "../../src/enrich/crossmatch/matches.ts";
import { crossMatchRules, type MatchRule } from "../../src/enrich/crossmatch/rules.ts";
import { type Document, double, isDocument } from "../../src/query/index.ts";
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
