/** The indexes of the collections that every store makes, by the names that users give as `hint`. */
import type { IndexDescription } from "./store.ts";

const RADEC = ["coordinates.radec_geojson", "2dsphere"] as const;
const JD = ["candidate.jd", -1] as const;

function index(name: string, keys: IndexDescription["keys"], unique = false): IndexDescription {
  return { name, keys, unique };
}

/** The index among these that has the same keys, whatever its name. */
export function indexOfKeys(
  { keys }: IndexDescription,
  known: readonly IndexDescription[],
): IndexDescription | undefined {
  const text = JSON.stringify(keys);
  return known.find((other) => JSON.stringify(other.keys) === text);
}

/** The same index under a name that none of these has: an index of `a_b` is another than one of `a` and `b`. */
export function underFreeName(
  wanted: IndexDescription,
  known: readonly IndexDescription[],
): IndexDescription {
  const isFree = (name: string) => known.every((other) => other.name !== name);
  let name = wanted.name;
  for (let n = 2; !isFree(name); n++) name = `${wanted.name}_${n}`;
  return { ...wanted, name };
}

/** Indexes of different keys, each under a name of its own. */
export function distinctIndexes(wanted: readonly IndexDescription[]): IndexDescription[] {
  const distinct: IndexDescription[] = [];
  for (const one of wanted) {
    if (indexOfKeys(one, distinct) === undefined) distinct.push(underFreeName(one, distinct));
  }
  return distinct;
}

export const ID_INDEX: IndexDescription = index("_id_", [["_id", 1]], true);

/** The index of positions, which catalogues have. */
export const POSITION_INDEX: IndexDescription = index("radec", [RADEC]);

export const ALERT_INDEXES: readonly IndexDescription[] = [
  ID_INDEX,
  index("candid", [["candid", -1]], true),
  index("objectId", [["objectId", -1]]),
  index("radec_candid", [RADEC, ["candid", -1]]),
  index("radec_objectId", [RADEC, ["objectId", -1]]),
  index("jd_radec_candid", [JD, RADEC, ["candid", -1]]),
  index("jd_radec_objectId", [JD, RADEC, ["objectId", -1]]),
  index("jd_drb_candid", [JD, ["candidate.drb", -1], ["candid", -1]]),
  index("jd_braai_candid", [JD, ["classifications.braai", -1], ["candid", -1]]),
  index("drb", [["candidate.drb", -1]]),
  index("braai", [["classifications.braai", -1]]),
  index("pid", [["candidate.pid", 1]]),
  index("objectId_pid", [
    ["objectId", -1],
    ["candidate.pid", 1],
  ]),
];

/** The outbox is read in the order of its numbers, and listed by filter. */
export const OUTBOX_INDEXES: readonly IndexDescription[] = [
  ID_INDEX,
  index("seq", [["seq", 1]]),
  index("filter", [["document.filter", 1]]),
];
