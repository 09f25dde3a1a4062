import type { SurveyFilter } from "./filter.ts";

export const activeGalaxies: SurveyFilter = {
  name: "variable active galaxies",
  purpose: "long records of variability on a nucleus, by scatter against errors in each band",
  pipeline: [
    {
      $match: {
        "candidate.ndethist": { $gt: 8 },
        "candidate.distnr": { $lt: 1 },
        "candidate.sgscore1": { $lt: 0.6 },
      },
    },
    {
      $addFields: {
        rows: {
          $map: {
            input: {
              $filter: {
                input: { $ifNull: ["$prv_candidates", []] },
                cond: { $and: [{ $isNumber: "$$this.magpsf" }, { $lt: ["$$this.sigmapsf", 0.3] }] },
              },
            },
            as: "row",
            in: { fid: "$$row.fid", mag: "$$row.magpsf", error: "$$row.sigmapsf" },
          },
        },
      },
    },
    { $match: { "rows.2": { $exists: true } } },
    {
      $addFields: {
        bands: {
          $map: {
            input: [1, 2, 3],
            as: "band",
            in: {
              $let: {
                vars: { own: { $filter: { input: "$rows", cond: { $eq: ["$$this.fid", "$$band"] } } } },
                in: {
                  fid: "$$band",
                  count: { $size: "$$own" },
                  scatter: { $stdDevPop: "$$own.mag" },
                  error: { $avg: "$$own.error" },
                },
              },
            },
          },
        },
      },
    },
    {
      $addFields: {
        variable: {
          $filter: {
            input: "$bands",
            as: "band",
            cond: {
              $and: [
                { $gte: ["$$band.count", 2] },
                { $gt: ["$$band.scatter", { $multiply: [1.2, "$$band.error"] }] },
              ],
            },
          },
        },
      },
    },
    { $match: { variable: { $not: { $size: 0 } } } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: {
          scatter: { $round: [{ $max: "$variable.scatter" }, 3] },
          bands: "$variable.fid",
          known: { $gt: [{ $size: { $ifNull: ["$cross_matches.milliquas_v6", []] } }, 0] },
        },
      },
    },
  ],
};
