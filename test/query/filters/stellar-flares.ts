import type { SurveyFilter } from "./filter.ts";

export const stellarFlares: SurveyFilter = {
  name: "stellar flares",
  purpose: "red stars far above their quiescent brightness, faint again in the exposures before",
  pipeline: [
    {
      $match: {
        "candidate.drb": { $gt: 0.5 },
        "candidate.sgscore1": { $gt: 0.76 },
        "candidate.distpsnr1": { $gte: 0, $lt: 1.5 },
        "candidate.srmag1": { $gt: 0 },
      },
    },
    {
      $addFields: {
        colour: { $subtract: ["$candidate.srmag1", "$candidate.simag1"] },
        total: {
          $let: {
            vars: {
              difference: { $pow: [10, { $multiply: [-0.4, "$candidate.magpsf"] }] },
              quiescent: { $pow: [10, { $multiply: [-0.4, "$candidate.magnr"] }] },
            },
            in: {
              $cond: [
                { $in: ["$candidate.isdiffpos", ["t", "1"]] },
                { $add: ["$$quiescent", "$$difference"] },
                { $subtract: ["$$quiescent", "$$difference"] },
              ],
            },
          },
        },
      },
    },
    { $match: { colour: { $gt: -0.5 }, total: { $gt: 0 } } },
    {
      $addFields: {
        amplitude: { $abs: { $add: ["$candidate.magnr", { $multiply: [2.5, { $log10: "$total" }] }] } },
        week: {
          $size: {
            $filter: {
              input: { $ifNull: ["$prv_candidates", []] },
              cond: {
                $and: [
                  { $gt: ["$$this.magpsf", 0] },
                  { $gt: ["$$this.jd", { $subtract: ["$candidate.jd", 7] }] },
                ],
              },
            },
          },
        },
      },
    },
    { $match: { amplitude: { $gt: 0.02 }, week: { $lte: 6 } } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: {
          colour: { $round: ["$colour", 2] },
          amplitude: { $round: ["$amplitude", 2] },
          week: "$week",
        },
      },
    },
  ],
};
