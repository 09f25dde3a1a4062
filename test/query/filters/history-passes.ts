import type { SurveyFilter } from "./filter.ts";

export const historyPasses: SurveyFilter = {
  name: "light-curve features",
  purpose: "early cuts, then several passes over the whole history for peak, age, rise, decline and colour",
  pipeline: [
    { $match: { "candidate.rb": { $gt: 0.6 }, "candidate.magpsf": { $gt: 12, $lt: 20 } } },
    {
      $project: {
        _id: 1,
        objectId: 1,
        candid: 1,
        candidate: { jd: 1, magpsf: 1, sigmapsf: 1, fid: 1, isdiffpos: 1 },
        history: {
          $sortArray: {
            input: {
              $filter: {
                input: {
                  $concatArrays: [
                    {
                      $map: {
                        input: { $ifNull: ["$prv_candidates", []] },
                        as: "row",
                        in: {
                          jd: "$$row.jd",
                          fid: "$$row.fid",
                          mag: "$$row.magpsf",
                          error: "$$row.sigmapsf",
                          limit: "$$row.diffmaglim",
                        },
                      },
                    },
                    [
                      {
                        jd: "$candidate.jd",
                        fid: "$candidate.fid",
                        mag: "$candidate.magpsf",
                        error: "$candidate.sigmapsf",
                      },
                    ],
                  ],
                },
                as: "point",
                cond: { $gt: ["$$point.jd", { $subtract: ["$candidate.jd", 100] }] },
              },
            },
            sortBy: { jd: 1 },
          },
        },
      },
    },
    {
      $addFields: {
        detections: { $filter: { input: "$history", cond: { $gt: ["$$this.mag", 0] } } },
        limits: {
          $filter: {
            input: "$history",
            cond: { $and: [{ $eq: [{ $type: "$$this.mag" }, "missing"] }, { $gt: ["$$this.limit", 17] }] },
          },
        },
      },
    },
    { $match: { $expr: { $gte: [{ $size: "$detections" }, 2] } } },
    {
      $addFields: {
        peak: { $min: "$detections.mag" },
        start: { $first: "$detections.jd" },
        end: { $last: "$detections.jd" },
      },
    },
    {
      $addFields: {
        peak_at: { $arrayElemAt: ["$detections.jd", { $indexOfArray: ["$detections.mag", "$peak"] }] },
        green: {
          $avg: {
            $map: {
              input: { $filter: { input: "$detections", cond: { $eq: ["$$this.fid", 1] } } },
              in: "$$this.mag",
            },
          },
        },
        red: {
          $avg: {
            $map: {
              input: { $filter: { input: "$detections", cond: { $eq: ["$$this.fid", 2] } } },
              in: "$$this.mag",
            },
          },
        },
      },
    },
    {
      $addFields: {
        rise: { $subtract: ["$peak_at", "$start"] },
        decline: {
          $cond: [
            { $gt: ["$end", "$peak_at"] },
            { $divide: [{ $subtract: ["$candidate.magpsf", "$peak"] }, { $subtract: ["$end", "$peak_at"] }] },
            0,
          ],
        },
      },
    },
    { $match: { $or: [{ rise: { $gt: 1, $lt: 25 } }, { decline: { $gt: 0.1 } }] } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: {
          peak: { $round: ["$peak", 2] },
          rise: { $round: ["$rise", 2] },
          decline: { $round: ["$decline", 3] },
          age: { $round: [{ $subtract: ["$end", "$start"] }, 2] },
          colour: { $ifNull: [{ $round: [{ $subtract: ["$green", "$red"] }, 2] }, null] },
          detections: { $size: "$detections" },
          limits: { $size: "$limits" },
        },
      },
    },
  ],
};
