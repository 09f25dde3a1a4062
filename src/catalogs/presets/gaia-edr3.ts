/** Gaia EDR3, the files of the archive's bulk download (gaia_source). */
import type { Preset } from "./preset.ts";

export const gaiaEdr3: Preset = {
  name: "gaia_edr3",
  summary: "Gaia EDR3, files of gaia_source (GaiaSource_*.csv.gz)",
  spec: {
    name: "Gaia_EDR3",
    ra: "ra",
    dec: "dec",
    id: "source_id",
    nulls: ["NOT_AVAILABLE"],
    indexes: [
      ["ra", "dec", "parallax"],
      ["parallax", "phot_g_mean_mag", "dr2_radial_velocity", "dr2_radial_velocity_error"],
    ],
  },
  // As users' queries name sources of it.
  idAsText: true,
};
