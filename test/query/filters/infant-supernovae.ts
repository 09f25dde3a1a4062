import type { SurveyFilter } from "./filter.ts";

export const infantSupernovae: SurveyFilter = {
  name: "infant supernovae",
  purpose: "first seen within days, with a deep upper limit shortly before the first detection",
  pipeline: [
    {
      $match: {
        $expr: { $lt: [{ $subtract: ["$candidate.jd", "$candidate.jdstarthist"] }, 10] },
        "candidate.drb": { $gt: 0.9 },
        "candidate.isdiffpos": { $in: ["t", "1"] },
        $nor: [
          { "candidate.ssdistnr": { $gte: 0, $lt: 12 } },
          { "candidate.distpsnr1": { $gte: 0, $lt: 1 }, "candidate.sgscore1": { $gt: 0.76 } },
        ],
      },
    },
    {
      $addFields: {
        first: {
          $min: {
            $map: {
              input: {
                $filter: {
                  input: { $ifNull: ["$prv_candidates", []] },
                  as: "row",
                  cond: { $gt: ["$$row.magpsf", 0] },
                },
              },
              in: "$$this.jd",
            },
          },
        },
      },
    },
    { $addFields: { first: { $min: ["$first", "$candidate.jd"] } } },
    {
      $addFields: {
        limits: {
          $filter: {
            input: { $ifNull: ["$prv_candidates", []] },
            as: "row",
            cond: {
              $and: [
                { $not: [{ $gt: ["$$row.magpsf", 0] }] },
                { $lt: ["$$row.jd", "$first"] },
                { $gt: ["$$row.jd", { $subtract: ["$first", 10] }] },
                { $gt: ["$$row.diffmaglim", 18] },
              ],
            },
          },
        },
      },
    },
    { $match: { limits: { $ne: [] } } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: {
          age: { $round: [{ $subtract: ["$candidate.jd", "$first"] }, 2] },
          limit: { $max: "$limits.diffmaglim" },
          gap: { $round: [{ $subtract: ["$first", { $max: "$limits.jd" }] }, 2] },
        },
      },
    },
  ],
};
