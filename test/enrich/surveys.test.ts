/** The catalogues of surveys, and objects of one survey matched with the alerts of another. */
import { describe, expect, test } from "bun:test";
import { CatalogSearch } from "../../src/enrich/crossmatch/catalog-search.ts";
import { crossMatchRules, emptyLists } from "../../src/enrich/crossmatch/rules.ts";
import { catalogMatches, publicZtfAlerts } from "../../src/surveys/catalog-matches.ts";
import { type Survey, surveyByName } from "../../src/surveys/index.ts";
import { openFilterBench } from "../filters/support.ts";
import { ztfAlert } from "../support/api.ts";
import { plain } from "./support.ts";

const ARCSEC = 1 / 3600;

const ztf = surveyByName("ZTF");
if (ztf === undefined) throw new Error("no survey ZTF");

/** A survey as those that observe in the infrared have it. */
const infrared: Survey = {
  ...ztf,
  name: "IR",
  crossMatches: {
    ...catalogMatches({
      coneArcsec: 8,
      without: ["Gaia_DR2_WD", "milliquas", "NED_BetaV3"],
      changes: { AllWISE: { radius_arcsec: 5 } },
    }),
    ...publicZtfAlerts(8),
  },
};

const radii = (survey: Survey) =>
  Object.fromEntries(
    (crossMatchRules({}, [survey]).get(survey.name) ?? []).map(({ catalog, radius }) => [
      catalog,
      Math.round(radius / ARCSEC),
    ]),
  );

describe("the catalogues of surveys", () => {
  test("ZTF: cones of 2 arcsec, and galaxies by distance", () => {
    expect(radii(ztf)).toEqual({
      ...{ "2MASS_PSC": 2, AllWISE: 2, Gaia_DR2: 2, Gaia_EDR3: 2, Gaia_DR2_WD: 2, PS1_STRM: 2, PS1_DR1: 2 },
      ...{ galaxy_redshifts_20200522: 2, GALEX: 2, IGAPS_DR2: 2, LAMOST_DR5_v3: 2, milliquas: 2 },
      ...{ CLU_20190625: 300, NED_BetaV3: 300 },
    });
  });

  test("others have their own radius, exceptions and omissions", () => {
    expect(radii(infrared)).toEqual({
      ...{ "2MASS_PSC": 8, AllWISE: 5, Gaia_DR2: 8, Gaia_EDR3: 8, PS1_STRM: 8, PS1_DR1: 8 },
      ...{ galaxy_redshifts_20200522: 8, GALEX: 8, IGAPS_DR2: 8, LAMOST_DR5_v3: 8 },
      ...{ CLU_20190625: 300, ZTF_alerts: 8 },
    });
  });
});

describe("ZTF alerts around an object of another survey", () => {
  test("the latest public one within the radius, by the index of their collection", async () => {
    const bench = await openFilterBench();
    const at = { ra: 10, dec: 20 };
    const alert = (candid: bigint, arcsec: number, jd: number, programid = 1) =>
      ztfAlert(candid, `ZTF${candid}`, { ra: at.ra, dec: at.dec + arcsec * ARCSEC, jd, programid });
    await bench.write([
      alert(1n, 1, 2460000.5),
      alert(2n, 7, 2460002.5),
      alert(3n, 2, 2460001.5),
      alert(4n, 9, 2460003.5),
      alert(5n, 1, 2460004.5, 2),
    ]);
    const rules = (crossMatchRules({}, [infrared]).get("IR") ?? []).filter(
      ({ catalog }) => catalog === "ZTF_alerts",
    );
    const search = new CatalogSearch(bench.reader.catalogs, bench.dataDir);
    const states = await bench.reader.catalogs.states(["ZTF_alerts"]);
    const targets = [at, { ra: 10, dec: 21 }];
    const found = await search.matches(rules, targets, states, emptyLists(rules));
    expect(found.map(plain)).toEqual([
      {
        ZTF_alerts: [
          {
            ...{ objectId: "ZTF2", candid: 2 },
            candidate: { jd: 2460002.5, magpsf: 18.25, fid: 1, drb: 0.5 },
            coordinates: { distance_arcsec: 7 },
          },
        ],
      },
      { ZTF_alerts: [] },
    ]);
    await bench.close();
  });
});
