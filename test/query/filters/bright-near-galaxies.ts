import type { SurveyFilter } from "./filter.ts";

export const brightNearGalaxies: SurveyFilter = {
  name: "bright transients near galaxies",
  purpose: "candidates for classification: bright, real, positive, close to a catalogued nearby galaxy",
  pipeline: [
    {
      $match: {
        "candidate.drb": { $gt: 0.9 },
        "candidate.magpsf": { $lt: 19.5 },
        "candidate.isdiffpos": { $in: ["t", "1", "y", true] },
        "candidate.ssdistnr": { $not: { $gte: 0, $lt: 10 } },
        "cross_matches.CLU_20190625.0": { $exists: true },
      },
    },
    {
      $addFields: {
        nearest: {
          $reduce: {
            input: "$cross_matches.CLU_20190625",
            initialValue: null,
            in: {
              $cond: [
                {
                  $or: [
                    { $eq: ["$$value", null] },
                    {
                      $lt: [
                        "$$this.coordinates.distance_arcsec",
                        { $ifNull: ["$$value.coordinates.distance_arcsec", 1e9] },
                      ],
                    },
                  ],
                },
                "$$this",
                "$$value",
              ],
            },
          },
        },
      },
    },
    { $match: { "nearest.z": { $gt: 0.0005, $lt: 0.06 } } },
    {
      $project: {
        _id: 1,
        objectId: 1,
        candid: 1,
        annotations: {
          galaxy: "$nearest.name",
          z: { $round: ["$nearest.z", 4] },
          offset: "$nearest.coordinates.distance_arcsec",
          absmag: {
            $round: [
              {
                $subtract: [
                  "$candidate.magpsf",
                  { $add: [{ $multiply: [5, { $log10: { $multiply: [4282.7, "$nearest.z"] } }] }, 25] },
                ],
              },
              2,
            ],
          },
        },
      },
    },
  ],
};
