/** Filters and alerts made by hand, and a store to run them on. */
import type { FilterDocument, FilterRegistry } from "../../src/filters/index.ts";
import { FilterRegistry as Registry } from "../../src/filters/index.ts";
import type { Document } from "../../src/query/index.ts";
import {
  type AlertReader,
  type AlertRecord,
  type AlertWriter,
  embeddedEncoder,
  type HistoryUpdate,
  type OutboxEntry,
  openEmbeddedReader,
  openEmbeddedStore,
  openEmbeddedWriter,
  type Store,
} from "../../src/store/index.ts";
import { ztfAlert } from "../support/api.ts";
import { temporaryFolder } from "../support/folders.ts";

/** A filter as it is stored, with one version. */
export function filterDocument(
  filterId: number,
  pipeline: Document[],
  given: Partial<FilterDocument> = {},
): FilterDocument {
  const now = new Date();
  return {
    _id: `10/${filterId}`,
    filter_id: filterId,
    group_id: 10,
    catalog: "ZTF_alerts",
    permissions: [1, 2, 3],
    active: true,
    autosave: false,
    auto_followup: {},
    update_annotations: false,
    active_fid: "aaaaaa",
    fv: [{ fid: "aaaaaa", pipeline: JSON.stringify(pipeline), created_at: now }],
    created_at: now,
    last_modified: now,
    ...given,
  };
}

/** A row of history as tests give it. */
export interface Row {
  readonly jd: number;
  readonly programid?: number;
  readonly procstatus?: string;
  readonly [field: string]: number | string | undefined;
}

/** An alert with these histories; each row is known by its time. */
export function alertWith(
  candid: bigint,
  objectId: string,
  jd: number,
  given: {
    prv?: readonly Row[];
    fp?: readonly Row[];
    rank?: number;
    startsForced?: boolean;
    programid?: number;
    drb?: number;
  } = {},
): AlertRecord {
  const { prv = [], fp = [], rank = 18, startsForced = true, programid = 1, drb = 0.95 } = given;
  const alert = ztfAlert(candid, objectId, { jd, programid, drb });
  return {
    ...alert,
    histories: [
      update("prv_candidates", prv, { merge: "first-seen", startsRecord: true }),
      update("fp_hists", fp, { merge: "lowest-rank", rank, startsRecord: startsForced }),
    ],
    cutouts: [],
  };
}

function update(
  field: string,
  rows: readonly Row[],
  rest: Pick<HistoryUpdate, "merge" | "startsRecord"> & { rank?: number },
): HistoryUpdate {
  const sorted = [...rows].sort((a, b) => a.jd - b.jd);
  return {
    field,
    rows: sorted.map((row): Document => ({ ...row })),
    keys: sorted.map(({ jd }) => String(jd)),
    jds: sorted.map(({ jd }) => jd),
    ...rest,
  };
}

export interface FilterBench {
  readonly dataDir: string;
  readonly store: Store;
  readonly reader: AlertReader;
  readonly registry: FilterRegistry;
  write(alerts: readonly AlertRecord[], outbox?: readonly OutboxEntry[]): Promise<void>;
  close(): Promise<void>;
}

/** A store in a folder of its own, with what a decode thread has. */
export async function openFilterBench(filters: readonly FilterDocument[] = []): Promise<FilterBench> {
  const folder = temporaryFolder();
  const dataDir = folder.path;
  const store = await openEmbeddedStore({ dataDir, readers: 1 });
  const writer: AlertWriter = await openEmbeddedWriter({ dataDir });
  if (filters.length > 0) await store.insert("filters", filters);
  const reader = openEmbeddedReader({ dataDir });
  const encoder = embeddedEncoder();
  return {
    dataDir,
    store,
    reader,
    registry: new Registry(reader),
    async write(alerts, outbox = []) {
      const encoded = alerts.map((alert) => {
        const { crossMatches } = alert;
        const plain = encoder.encode(alert);
        return crossMatches === undefined ? plain : encoder.withCrossMatches(plain, crossMatches);
      });
      const entries = outbox.map((entry) => encoder.encodeEntry(entry));
      await writer.write({ alerts: encoded, deadLetters: [], outbox: entries, positions: [] });
    },
    async close() {
      reader.close();
      await writer.close();
      await store.close();
      folder[Symbol.dispose]();
    },
  };
}
