import type { SurveyFilter } from "./filter.ts";

export const fastRisers: SurveyFilter = {
  name: "fast risers",
  purpose:
    "brightening by more than 0.2 mag a day since the last detection in the same band, or since an upper limit",
  pipeline: [
    {
      $match: {
        "candidate.drb": { $gte: 0.8 },
        "candidate.isdiffpos": { $in: ["t", "1"] },
        "candidate.magpsf": { $lt: 20.5 },
      },
    },
    {
      $project: {
        objectId: 1,
        candid: 1,
        jd: "$candidate.jd",
        mag: "$candidate.magpsf",
        earlier: {
          $filter: {
            input: { $ifNull: ["$prv_candidates", []] },
            as: "row",
            cond: {
              $and: [
                { $eq: ["$$row.fid", "$candidate.fid"] },
                { $gt: [{ $subtract: ["$candidate.jd", "$$row.jd"] }, 0.02] },
                { $lt: [{ $subtract: ["$candidate.jd", "$$row.jd"] }, 5] },
              ],
            },
          },
        },
      },
    },
    { $match: { "earlier.0": { $exists: true } } },
    {
      $addFields: {
        rates: {
          $map: {
            input: "$earlier",
            as: "row",
            in: {
              $divide: [
                { $subtract: [{ $ifNull: ["$$row.magpsf", "$$row.diffmaglim"] }, "$mag"] },
                { $subtract: ["$jd", "$$row.jd"] },
              ],
            },
          },
        },
      },
    },
    { $match: { $expr: { $gt: [{ $min: "$rates" }, 0.05] }, rates: { $elemMatch: { $gt: 0.2 } } } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: { rise: { $round: [{ $max: "$rates" }, 2] }, points: { $size: "$rates" } },
      },
    },
  ],
};
