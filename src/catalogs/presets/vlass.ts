/** VLASS epoch 1 quick-look components, as CIRADA publishes them. */
import { toNumber } from "../../query/index.ts";
import type { Preset } from "./preset.ts";

export const vlass: Preset = {
  name: "vlass",
  summary: "CIRADA's VLASS quick-look components (CIRADA_VLASS1QL_table1_components_*.csv)",
  spec: {
    name: "VLASS_DR1",
    ra: "RA",
    dec: "DEC",
  },
  // Duplicates of another component and suspected artefacts, by the catalogue's own flags.
  keep: ({ Duplicate_flag: duplicate, Quality_flag: quality }) =>
    (toNumber(duplicate) ?? Number.NaN) < 2 && toNumber(quality) === 0,
};
