import type { SurveyFilter } from "./filter.ts";

export const notMoving: SurveyFilter = {
  name: "no moving objects",
  purpose:
    "transients only: seen at the same place at least 30 minutes apart, no known asteroid or bright star near",
  pipeline: [
    { $match: { "candidate.drb": { $gt: 0.9 }, "candidate.magpsf": { $lt: 19.5 } } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        candidate: 1,
        latitude: "$coordinates.b",
        asteroid: {
          $and: [
            { $gte: ["$candidate.ssdistnr", 0] },
            { $lt: ["$candidate.ssdistnr", 12] },
            { $lt: [{ $abs: { $subtract: ["$candidate.ssmagnr", "$candidate.magpsf"] } }, 3] },
          ],
        },
        stationary: {
          $anyElementTrue: [
            {
              $map: {
                input: { $ifNull: ["$prv_candidates", []] },
                as: "row",
                in: {
                  $and: [
                    { $gt: [{ $abs: { $subtract: ["$candidate.jd", "$$row.jd"] } }, 0.02] },
                    { $lt: ["$$row.magpsf", 99] },
                    { $gt: ["$$row.magpsf", 0] },
                    { $in: ["$$row.isdiffpos", ["t", "1"]] },
                  ],
                },
              },
            },
          ],
        },
        bright_star: {
          $or: [
            {
              $and: [
                { $lt: ["$candidate.distpsnr1", 20] },
                { $gt: ["$candidate.srmag1", 0] },
                { $lt: ["$candidate.srmag1", 13.5] },
                { $gt: ["$candidate.sgscore1", 0.49] },
              ],
            },
            {
              $and: [
                { $lt: ["$candidate.distpsnr2", 20] },
                { $gt: ["$candidate.srmag2", 0] },
                { $lt: ["$candidate.srmag2", 13.5] },
                { $gt: ["$candidate.sgscore2", 0.49] },
              ],
            },
          ],
        },
      },
    },
    {
      $match: {
        stationary: true,
        asteroid: false,
        bright_star: false,
        latitude: { $not: { $gt: -7, $lt: 7 } },
      },
    },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: { mag: "$candidate.magpsf", b: { $round: ["$latitude", 1] } },
      },
    },
  ],
};
