/** What the reference says of the operators of find filters: a sentence and an example that is a test. */
import type { Document } from "../values.ts";

export interface MatchReference {
  readonly name: string;
  readonly summary: string;
  readonly filter: Document;
  /** A document that matches. */
  readonly matches: Document;
  /** A document that does not; absent where all match. */
  readonly rejects?: Document;
}

const HERE = { type: "Point", coordinates: [10, 20] };
const FAR = { type: "Point", coordinates: [-100, -20] };
const FIELD = {
  type: "Polygon",
  coordinates: [
    [
      [5, 15],
      [15, 15],
      [15, 25],
      [5, 25],
      [5, 15],
    ],
  ],
};

function reference(
  name: string,
  summary: string,
  filter: Document,
  matches: Document,
  rejects?: Document,
): MatchReference {
  return { name, summary, filter, matches, ...(rejects && { rejects }) };
}

export const matchReference: readonly MatchReference[] = [
  reference("$eq", "Equal; also one of the items of an array.", { a: { $eq: 1 } }, { a: [1, 2] }, { a: 2 }),
  reference("$ne", "Not equal; missing counts too.", { a: { $ne: 1 } }, {}, { a: 1 }),
  reference("$gt", "Greater, among values of the same kind.", { a: { $gt: 1 } }, { a: 2 }, { a: "2" }),
  reference("$gte", "Greater or equal.", { a: { $gte: 1 } }, { a: 1 }, { a: 0 }),
  reference("$lt", "Less.", { a: { $lt: 1 } }, { a: 0 }, { a: 1 }),
  reference("$lte", "Less or equal.", { a: { $lte: 1 } }, { a: 1 }, { a: 2 }),
  reference("$in", "One of a list.", { a: { $in: [1, 2] } }, { a: 2 }, { a: 3 }),
  reference("$nin", "None of a list.", { a: { $nin: [1, 2] } }, { a: 3 }, { a: 2 }),
  reference("$not", "Not what the operators in it say.", { a: { $not: { $gt: 1 } } }, { a: "x" }, { a: 2 }),
  reference("$exists", "There is such a field, or none.", { a: { $exists: true } }, { a: null }, { b: 1 }),
  reference("$type", "Of a BSON type, by name or number.", { a: { $type: "string" } }, { a: "x" }, { a: 1 }),
  reference("$mod", "The remainder of a division.", { a: { $mod: [4, 1] } }, { a: 5 }, { a: 6 }),
  reference(
    "$regex",
    "Text that a regular expression finds something in.",
    { a: { $regex: "^ZTF" } },
    { a: "ZTF18" },
    { a: "x" },
  ),
  reference(
    "$options",
    "Options of the `$regex` beside it.",
    { a: { $regex: "^ztf", $options: "i" } },
    { a: "ZTF18" },
    { a: "x" },
  ),
  reference("$size", "An array of so many items.", { a: { $size: 2 } }, { a: [1, 2] }, { a: [1] }),
  reference("$all", "All of a list are there.", { a: { $all: [1, 2] } }, { a: [2, 1, 3] }, { a: [1] }),
  reference(
    "$elemMatch",
    "One item of an array passes all of it.",
    { a: { $elemMatch: { x: 1, y: 2 } } },
    { a: [{ x: 1, y: 2 }] },
    { a: [{ x: 1 }, { y: 2 }] },
  ),
  reference("$bitsAllSet", "All these bits are set.", { a: { $bitsAllSet: [0, 1] } }, { a: 3 }, { a: 1 }),
  reference("$bitsAllClear", "None of these bits is set.", { a: { $bitsAllClear: 3 } }, { a: 4 }, { a: 1 }),
  reference("$bitsAnySet", "One of these bits is set.", { a: { $bitsAnySet: 3 } }, { a: 1 }, { a: 4 }),
  reference(
    "$bitsAnyClear",
    "One of these bits is not set.",
    { a: { $bitsAnyClear: 3 } },
    { a: 1 },
    { a: 3 },
  ),
  reference(
    "$geoWithin",
    "A position inside a shape: `$centerSphere` (radians), `$geometry`, `$polygon`, `$box`, `$center`.",
    { p: { $geoWithin: { $centerSphere: [[10, 20], 0.01] } } },
    { p: HERE },
    { p: FAR },
  ),
  reference(
    "$within",
    "The old name of `$geoWithin`.",
    {
      p: {
        $within: {
          $box: [
            [5, 15],
            [15, 25],
          ],
        },
      },
    },
    { p: [10, 20] },
    { p: [0, 0] },
  ),
  reference(
    "$geoIntersects",
    "A shape that has a point in common with another.",
    { p: { $geoIntersects: { $geometry: FIELD } } },
    { p: HERE },
    { p: FAR },
  ),
  reference(
    "$near",
    "Near a position, nearest first; in find filters only.",
    { p: { $near: { $geometry: HERE, $maxDistance: 1000 } } },
    { p: HERE },
    { p: FAR },
  ),
  reference(
    "$nearSphere",
    "The same on the sphere, distances of a plain pair in radians.",
    { p: { $nearSphere: [10, 20], $maxDistance: 0.01 } },
    { p: HERE },
    { p: FAR },
  ),
  reference(
    "$maxDistance",
    "The greatest distance of the near search beside it.",
    { p: { $near: [10, 20], $maxDistance: 1 } },
    { p: [10, 20] },
    { p: [0, 0] },
  ),
  reference(
    "$minDistance",
    "The least distance of the near search beside it.",
    { p: { $near: [10, 20], $minDistance: 1 } },
    { p: [0, 0] },
    { p: [10, 20] },
  ),
  reference("$and", "All of several filters.", { $and: [{ a: 1 }, { b: 2 }] }, { a: 1, b: 2 }, { a: 1 }),
  reference("$or", "One of several filters.", { $or: [{ a: 1 }, { b: 2 }] }, { b: 2 }, { a: 2 }),
  reference("$nor", "None of several filters.", { $nor: [{ a: 1 }, { b: 2 }] }, { a: 2 }, { a: 1 }),
  reference(
    "$expr",
    "An expression that counts as true.",
    { $expr: { $gt: ["$a", "$b"] } },
    { a: 2, b: 1 },
    { a: 1, b: 2 },
  ),
  reference(
    "$jsonSchema",
    "Valid by a JSON schema.",
    { $jsonSchema: { required: ["a"] } },
    { a: 1 },
    { b: 1 },
  ),
  reference(
    "$comment",
    "Says something to people who read the filter.",
    { a: 1, $comment: "bright ones" },
    { a: 1 },
    { a: 2 },
  ),
  reference("$sampleRate", "Random documents, this share of them.", { $sampleRate: 1 }, { a: 1 }),
  reference("$alwaysTrue", "Matches everything.", { $alwaysTrue: 1 }, { a: 1 }),
  reference("$alwaysFalse", "Matches nothing.", { $or: [{ $alwaysFalse: 1 }, { a: 1 }] }, { a: 1 }, { a: 2 }),
];
