/** The part of the schema that says with which catalogues the objects of a survey are matched. */
import { choice, document, integer, type Kind, number, object, optional, record, text } from "./kinds.ts";

/** No catalogue needs more, and a coarse search of this radius is still a few cells of the sky. */
const WIDEST_ARCSEC = 10_800;

const arcsec = (doc: string) => optional(number({ default: 2, min: 0, max: WIDEST_ARCSEC, doc }));

const distance = object({
  doc: "Matching of galaxies by their distance.",
  fields: {
    field: text({
      default: "z",
      pattern: /^[^$.]/,
      expected: "the path of a field",
      doc: "Field with the redshift or the distance of a galaxy.",
    }),
    unit: choice({
      default: "redshift",
      choices: ["redshift", "Mpc"],
      doc: "What the field holds.",
    }),
    radius_kpc: number({
      default: 30,
      min: 0,
      max: 10_000,
      doc: "Physical radius around a galaxy, kpc at its distance; by redshift one arcsec is 1 kpc at z = 0.05.",
    }),
    near_radius_arcsec: number({
      default: 300,
      min: 0,
      max: WIDEST_ARCSEC,
      doc: "Radius around galaxies nearer than z = 0.01 or 40 Mpc.",
    }),
  },
});

const entry = object({
  doc: "How objects are matched with one catalogue. Keys that are left out keep what the survey has by default.",
  fields: {
    radius_arcsec: arcsec("Radius of the cone; with `distance` that of the coarse search."),
    filter: optional(document({ doc: "Only rows that pass this find filter." })),
    projection: optional(document({ doc: "Which fields of a row are kept, as in a find query." })),
    sort: optional(document({ doc: "Order of the matches; by default the nearest first." })),
    limit: optional(integer({ default: 1, min: 1, max: 10_000, doc: "Most matches that are kept." })),
    distance,
  },
});

/** How galaxies are matched by their distance, as far as it is configured. */
export type DistanceMatch = (typeof distance)["default"];

export const DISTANCE_DEFAULTS: DistanceMatch = distance.default;

/** How objects are matched with one catalogue, as far as it is configured. */
export type CatalogMatch = Partial<Omit<(typeof entry)["default"], "distance">> & {
  readonly distance?: Partial<DistanceMatch>;
};

/** Only the keys that are given, so that they can be laid over what the survey has by default. */
const catalogMatch: Kind<CatalogMatch> & { readonly fields: typeof entry.fields } = {
  ...entry,
  read: entry.readPartial,
};

export const crossMatches = record({
  item: optional(
    record({ item: optional(catalogMatch), doc: "Catalogues by the name of their collection." }),
  ),
  doc: "With which catalogues the objects of a survey are matched at first sight: survey → catalogue → radius, filter and so on, laid over the survey's own list. `null` for a catalogue, or for a survey, switches it off.",
});
