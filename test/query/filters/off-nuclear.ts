import { branch, type SurveyFilter } from "./filter.ts";

export const offNuclear: SurveyFilter = {
  name: "off-nuclear transients",
  purpose:
    "outside the galactic plane, on the skirts of an extended host, with the separation from each neighbour",
  pipeline: [
    {
      $match: {
        $or: [{ "coordinates.b": { $gt: 15 } }, { "coordinates.b": { $lt: -15 } }],
        "candidate.rb": { $gt: 0.5 },
        "candidate.isdiffpos": { $regex: "^(t|1)$" },
      },
    },
    {
      $addFields: {
        neighbours: {
          $filter: {
            input: {
              $map: {
                input: {
                  $zip: {
                    inputs: [
                      ["$candidate.sgscore1", "$candidate.sgscore2", "$candidate.sgscore3"],
                      ["$candidate.distpsnr1", "$candidate.distpsnr2", "$candidate.distpsnr3"],
                      ["$candidate.srmag1", "$candidate.srmag2", "$candidate.srmag3"],
                    ],
                  },
                },
                as: "n",
                in: {
                  score: { $arrayElemAt: ["$$n", 0] },
                  distance: { $arrayElemAt: ["$$n", 1] },
                  mag: { $arrayElemAt: ["$$n", 2] },
                },
              },
            },
            as: "n",
            cond: { $and: [{ $gte: ["$$n.score", 0] }, { $gte: ["$$n.distance", 0] }] },
          },
        },
      },
    },
    {
      $match: {
        neighbours: { $elemMatch: { score: { $lt: 0.5 }, distance: { $gt: 0.5, $lt: 15 } } },
        $nor: [{ neighbours: { $elemMatch: { score: { $gt: 0.9 }, distance: { $lt: 1.5 } } } }],
      },
    },
    {
      $replaceRoot: {
        newRoot: {
          _id: "$_id",
          objectId: "$objectId",
          candid: "$candid",
          annotations: {
            hosts: {
              $size: { $filter: { input: "$neighbours", cond: { $lt: ["$$this.score", 0.5] } } },
            },
            nearest: { $min: "$neighbours.distance" },
            rank: {
              $switch: {
                branches: [
                  branch({ $lt: ["$candidate.magpsf", 18.5] }, "bright"),
                  branch({ $lt: ["$candidate.magpsf", 19.5] }, "medium"),
                ],
                default: "faint",
              },
            },
          },
        },
      },
    },
  ],
};
