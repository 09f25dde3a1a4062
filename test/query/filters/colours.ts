import type { SurveyFilter } from "./filter.ts";

export const blueTransients: SurveyFilter = {
  name: "blue transients",
  purpose: "g-r of the latest pair of detections within half a day of each other",
  pipeline: [
    { $match: { "candidate.fid": { $in: [1, 2] }, "candidate.magpsf": { $gt: 0, $lt: 21 } } },
    {
      $addFields: {
        latest: {
          $reduce: {
            input: {
              $concatArrays: [
                {
                  $filter: {
                    input: { $ifNull: ["$prv_candidates", []] },
                    cond: { $gt: ["$$this.magpsf", 0] },
                  },
                },
                ["$candidate"],
              ],
            },
            initialValue: { g: null, r: null, pair: null },
            in: {
              $let: {
                vars: {
                  g: {
                    $cond: [
                      { $eq: ["$$this.fid", 1] },
                      { jd: "$$this.jd", mag: "$$this.magpsf" },
                      "$$value.g",
                    ],
                  },
                  r: {
                    $cond: [
                      { $eq: ["$$this.fid", 2] },
                      { jd: "$$this.jd", mag: "$$this.magpsf" },
                      "$$value.r",
                    ],
                  },
                },
                in: {
                  g: "$$g",
                  r: "$$r",
                  pair: {
                    $cond: [
                      {
                        $and: [
                          { $ne: ["$$g", null] },
                          { $ne: ["$$r", null] },
                          { $lt: [{ $abs: { $subtract: ["$$g.jd", "$$r.jd"] } }, 0.5] },
                        ],
                      },
                      { $subtract: ["$$g.mag", "$$r.mag"] },
                      "$$value.pair",
                    ],
                  },
                },
              },
            },
          },
        },
      },
    },
    { $match: { "latest.pair": { $lt: -0.05 } } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: { "g-r": { $round: ["$latest.pair", 3] }, last: "$latest.r.mag" },
      },
    },
  ],
};
