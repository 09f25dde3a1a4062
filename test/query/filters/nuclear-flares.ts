import type { SurveyFilter } from "./filter.ts";

export const nuclearFlares: SurveyFilter = {
  name: "nuclear flares",
  purpose:
    "tidal disruption events: on the nucleus of an extended source without the colours of an active one",
  pipeline: [
    {
      $match: {
        "candidate.rb": { $gt: 0.5 },
        "candidate.sgscore1": { $gte: 0, $lt: 0.5 },
        "candidate.distpsnr1": { $gte: 0, $lt: 1.5 },
        "candidate.distnr": { $gte: 0, $lt: 1.5 },
        "candidate.ndethist": { $gte: 3 },
      },
    },
    {
      $addFields: {
        detections: {
          $filter: {
            input: { $ifNull: ["$prv_candidates", []] },
            as: "row",
            cond: { $and: [{ $gt: ["$$row.magpsf", 0] }, { $in: ["$$row.isdiffpos", ["t", "1"]] }] },
          },
        },
        wise: { $arrayElemAt: ["$cross_matches.AllWISE", 0] },
      },
    },
    {
      $addFields: {
        offset: { $avg: { $concatArrays: ["$detections.distnr", ["$candidate.distnr"]] } },
        w1w2: { $subtract: ["$wise.w1mpro", "$wise.w2mpro"] },
      },
    },
    { $match: { offset: { $lt: 1 }, $or: [{ w1w2: null }, { w1w2: { $lt: 0.7 } }] } },
    { $match: { "cross_matches.milliquas_v6.0": { $exists: false } } },
    {
      $project: {
        objectId: 1,
        candid: 1,
        annotations: {
          offset: { $round: ["$offset", 3] },
          W1W2: { $ifNull: ["$w1w2", "none"] },
          detections: { $size: "$detections" },
        },
      },
    },
  ],
};
