/** IGAPS: the merged IPHAS and UVEX surveys of the northern Galactic plane (Monguió et al. 2020, A&A 638, A18). */
import type { Preset } from "./preset.ts";

export const igaps: Preset = {
  name: "igaps",
  summary: "IGAPS, FITS tables by field (igaps-*.fits.gz)",
  spec: { name: "IGAPS_DR2", ra: "RA", dec: "DEC" },
};
