/** The indexes of the collections that every store makes, by the names that users give as `hint`. */
import type { IndexDescription } from "./store.ts";

const RADEC = ["coordinates.radec_geojson", "2dsphere"] as const;
const JD = ["candidate.jd", -1] as const;

function index(name: string, keys: IndexDescription["keys"], unique = false): IndexDescription {
  return { name, keys, unique };
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
