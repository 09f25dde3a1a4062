import type { SurveyFilter } from "./filter.ts";

export const forcedPhotometryRises: SurveyFilter = {
  name: "forced-photometry rises",
  purpose:
    "flux that grows through the forced measurements before the alert, below the threshold of detection too",
  pipeline: [
    {
      $match: { fp_hists: { $type: "array" }, "candidate.rb": { $gt: 0.3 }, "candidate.magpsf": { $gt: 18 } },
    },
    {
      $addFields: {
        points: {
          $map: {
            input: {
              $filter: {
                input: "$fp_hists",
                as: "fp",
                cond: {
                  $and: [
                    { $gt: ["$$fp.forcediffimfluxunc", 0] },
                    { $gte: ["$$fp.jd", { $subtract: ["$candidate.jd", 40] }] },
                  ],
                },
              },
            },
            as: "fp",
            in: {
              t: { $subtract: ["$$fp.jd", "$candidate.jd"] },
              snr: { $divide: ["$$fp.forcediffimflux", "$$fp.forcediffimfluxunc"] },
              fid: "$$fp.fid",
            },
          },
        },
      },
    },
    {
      $addFields: {
        rise: {
          $reduce: {
            input: "$points",
            initialValue: { steps: 0, best: -1000, last: -1000 },
            in: {
              steps: { $add: ["$$value.steps", { $cond: [{ $gt: ["$$this.snr", "$$value.last"] }, 1, 0] }] },
              best: { $max: ["$$value.best", "$$this.snr"] },
              last: "$$this.snr",
            },
          },
        },
        significant: { $size: { $filter: { input: "$points", cond: { $gt: ["$$this.snr", 3] } } } },
      },
    },
    {
      $match: {
        "rise.best": { $gt: 5 },
        significant: { $gte: 2 },
        $expr: { $gte: ["$rise.steps", { $multiply: [0.5, { $size: "$points" }] }] },
      },
    },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: {
          snr: { $round: ["$rise.best", 1] },
          significant: "$significant",
          points: { $size: "$points" },
        },
      },
    },
  ],
};
