import type { SurveyFilter } from "./filter.ts";

export const cataclysmicVariables: SurveyFilter = {
  name: "cataclysmic variables",
  purpose:
    "outbursts of compact binaries: a bright point on a faint star, or on nothing, with a parallax if any",
  pipeline: [
    {
      $match: {
        "candidate.rb": { $gte: 0.5 },
        "candidate.magpsf": { $lt: 19.8 },
        $or: [
          { "candidate.sgscore1": { $gt: 0.5 }, "candidate.distpsnr1": { $gte: 0, $lte: 2 } },
          { "candidate.distpsnr1": { $gt: 6 } },
          { "candidate.distpsnr1": { $lt: 0 } },
        ],
        "candidate.ssdistnr": { $not: { $gte: 0, $lt: 12 } },
      },
    },
    {
      $addFields: {
        gaia: {
          $filter: {
            input: { $ifNull: ["$cross_matches.Gaia_EDR3", []] },
            as: "star",
            cond: { $gt: ["$$star.parallax", { $multiply: [3, "$$star.parallax_error"] }] },
          },
        },
        bands: {
          $setUnion: [
            {
              $map: {
                input: {
                  $filter: {
                    input: { $ifNull: ["$prv_candidates", []] },
                    cond: { $gt: ["$$this.magpsf", null] },
                  },
                },
                in: "$$this.fid",
              },
            },
            ["$candidate.fid"],
          ],
        },
      },
    },
    {
      $addFields: {
        absolute: {
          $map: {
            input: "$gaia",
            as: "star",
            in: {
              $add: [
                "$candidate.magpsf",
                { $multiply: [5, { $log10: { $divide: ["$$star.parallax", 100] } }] },
              ],
            },
          },
        },
      },
    },
    { $match: { $or: [{ absolute: { $size: 0 } }, { absolute: { $elemMatch: { $gt: 2, $lt: 14 } } }] } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: {
          bands: { $size: "$bands" },
          absolute: { $ifNull: [{ $first: "$absolute" }, "unknown"] },
        },
      },
    },
  ],
};
