/** PS1-STRM: classes and photometric redshifts of Pan-STARRS1 sources (Beck et al. 2021, MNRAS 500, 1633). */
import type { Preset } from "./preset.ts";

export const ps1Strm: Preset = {
  name: "ps1_strm",
  summary: "PS1-STRM, files without a header (hlsp_ps1-strm_*.csv)",
  spec: {
    name: "PS1_STRM",
    header: [
      "objID",
      "uniquePspsOBid",
      "raMean",
      "decMean",
      "l",
      "b",
      "class",
      "prob_Galaxy",
      "prob_Star",
      "prob_QSO",
      "extrapolation_Class",
      "cellDistance_Class",
      "cellID_Class",
      "z_phot",
      "z_photErr",
      "z_phot0",
      "extrapolation_Photoz",
      "cellDistance_Photoz",
      "cellID_Photoz",
    ],
    types: { objID: "int", uniquePspsOBid: "int", class: "string" },
    ra: "raMean",
    dec: "decMean",
    id: "uniquePspsOBid",
    nulls: ["-999", "-999.0"],
    indexes: [["class", "prob_Galaxy", "prob_Star", "prob_QSO", "z_phot"]],
  },
  idAsText: true,
  // What cross-matches have always asked for.
  adapt(document) {
    const { z_photErr: error } = document;
    if (error !== undefined) document["z_phot_err"] = error;
  },
};
