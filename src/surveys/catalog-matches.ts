/**
 * The catalogues that surveys are matched with by default, and which of their fields a match keeps: those that
 * filters of users look at.
 */
import type { CatalogMatch } from "../config/cross-matches.ts";

/** Fields of catalogues whose rows are matched by a cone, besides `_id` and the position as text. */
const CONES = {
  "2MASS_PSC": ["j_m", "h_m", "k_m"],
  AllWISE: [
    ...["w1mpro", "w1sigmpro", "w2mpro", "w2sigmpro", "w3mpro", "w3sigmpro", "w4mpro", "w4sigmpro"],
    "ph_qual",
  ],
  Gaia_DR2: ["parallax", "parallax_error", "phot_g_mean_mag", "phot_bp_mean_mag", "phot_rp_mean_mag"],
  Gaia_EDR3: ["parallax", "parallax_error", "phot_g_mean_mag", "phot_bp_mean_mag", "phot_rp_mean_mag"],
  Gaia_DR2_WD: ["White_dwarf_name", "Pwd", "Pwd_correction", "SDSS_name", "Teff", "eTeff"],
  PS1_STRM: ["objID", "class", "prob_Galaxy", "prob_Star", "prob_QSO", "z_phot", "z_photErr", "z_phot_err"],
  galaxy_redshifts_20200522: ["z", "l", "b"],
  GALEX: ["name", "FUVmag", "e_FUVmag", "NUVmag", "e_NUVmag"],
  IGAPS_DR2: ["name", "r", "rErr", "i", "iErr", "ha", "haErr", "U_RGO", "UErr"],
  LAMOST_DR5_v3: ["mjd", "snru", "snrg", "snrr", "snri", "snrz", "objtype", "class", "subclass"],
  PS1_DR1: ["g", "r", "i", "z", "y"].flatMap((band) => [`${band}MeanPSFMag`, `${band}MeanPSFMagErr`]),
  milliquas: ["Name", "Descrip", "Qpct"],
} as const;

/** Radius of a cone that allows for the astrometry of optical surveys, arcsec. */
const CONE_ARCSEC = 2;
/** Radius of the coarse search around a position for galaxies whose outskirts it may lie in, arcsec. */
const GALAXY_ARCSEC = 300;

const GALAXIES: Readonly<Record<string, CatalogMatch>> = {
  CLU_20190625: {
    radius_arcsec: GALAXY_ARCSEC,
    distance: { field: "z", unit: "redshift", radius_kpc: 30, near_radius_arcsec: 300 },
    projection: fields([
      ...["name", "ra", "dec", "a", "b2a", "pa", "z", "DistMpc", "sfr_fuv", "mstar", "sfr_ha"],
    ]),
  },
  NED_BetaV3: {
    radius_arcsec: GALAXY_ARCSEC,
    distance: { field: "DistMpc", unit: "Mpc", radius_kpc: 30, near_radius_arcsec: 300 },
    projection: fields([
      ...["ra", "dec", "objname", "objtype", "z", "z_unc", "z_tech", "z_qual", "DistMpc", "DistMpc_unc"],
      ...["ebv", "m_Ks", "m_Ks_unc", "tMASSphot", "Mstar", "Mstar_unc"],
    ]),
  },
};

/** The list of ZTF; other surveys have their own radius and leave some out. */
export function catalogMatches(
  options: {
    readonly coneArcsec?: number;
    /** Catalogues that are not on the list of a survey. */
    readonly without?: readonly string[];
    /** What differs for some. */
    readonly changes?: Readonly<Record<string, CatalogMatch>>;
  } = {},
): Readonly<Record<string, CatalogMatch>> {
  const { coneArcsec = CONE_ARCSEC, without = [], changes = {} } = options;
  const cones = Object.entries(CONES).map(([name, kept]): [string, CatalogMatch] => [
    name,
    { radius_arcsec: coneArcsec, projection: fields(kept) },
  ]);
  const all = [...cones, ...Object.entries(GALAXIES)].filter(([name]) => !without.includes(name));
  return Object.fromEntries(all.map(([name, match]) => [name, { ...match, ...changes[name] }]));
}

/**
 * The latest public ZTF alert around a position, for surveys whose objects are to be known by their name in ZTF
 * too: kept under `cross_matches.ZTF_alerts`.
 */
export function publicZtfAlerts(radiusArcsec: number): Readonly<Record<string, CatalogMatch>> {
  return {
    ZTF_alerts: {
      radius_arcsec: radiusArcsec,
      filter: { "candidate.programid": 1 },
      sort: { "candidate.jd": -1 },
      limit: 1,
      projection: {
        ...{ _id: 0, objectId: 1, candid: 1, "coordinates.radec_str": 1 },
        ...{ "candidate.jd": 1, "candidate.magpsf": 1, "candidate.sigmapsf": 1 },
        ...{ "candidate.fid": 1, "candidate.drb": 1 },
      },
    },
  };
}

function fields(names: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(["_id", "coordinates.radec_str", ...names].map((name) => [name, 1]));
}
