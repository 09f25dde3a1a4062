/** What every store must do: run against each implementation by the test files beside this one. */
import { afterAll, beforeAll, describe } from "bun:test";
import type { Document, Value } from "../../src/query/index.ts";
import type {
  AlertBatch,
  AlertEncoder,
  AlertReader,
  AlertRecord,
  AlertWriter,
  FindRequest,
  OutboxEntry,
  Store,
  StoreSettings,
} from "../../src/store/index.ts";
import { aggregateTests } from "./conformance-aggregate.ts";
import { alertTests, historyTests } from "./conformance-alerts.ts";
import { catalogTests } from "./conformance-catalog.ts";
import { crossMatchTests } from "./conformance-cross-matches.ts";
import { changeTests, documentTests } from "./conformance-documents.ts";
import { findTests } from "./conformance-find.ts";
import { outboxTests } from "./outbox.ts";

/** A store that is empty, with the way of alerts into it; the writer follows reported objects. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly writer: AlertWriter;
  readonly encoder: AlertEncoder;
  /** To open more of it. */
  readonly settings: StoreSettings;
  readonly reader: AlertReader;
  /** Closes all of them and removes what they kept. */
  close(): Promise<void>;
}

export type OpenStore = () => Promise<StoreUnderTest>;

/** Of a batch, before they are encoded. */
interface Entries {
  readonly outbox?: readonly OutboxEntry[];
}

/** Asks the store under test in few words. */
export class Asker {
  constructor(readonly under: StoreUnderTest) {}

  find(collection: string, filter: Document = {}, options: Partial<FindRequest> = {}): Promise<Document[]> {
    const request = { collection, filter, maxTimeMs: 10_000, ...options };
    return Array.fromAsync(this.under.store.find(request).documents());
  }

  async ids(collection: string, filter: Document, options: Partial<FindRequest> = {}): Promise<Value[]> {
    const documents = await this.find(collection, filter, options);
    return documents.map((document) => document["_id"] ?? null);
  }

  one(collection: string, filter: Document): Promise<Document | undefined> {
    return this.under.store.findOne({ collection, filter, maxTimeMs: 10_000 });
  }

  write(records: readonly AlertRecord[], more: Partial<Omit<AlertBatch, "outbox">> & Entries = {}) {
    const { encoder, writer } = this.under;
    const alerts = records.map((record) => encoder.encode(record));
    const outbox = (more.outbox ?? []).map((entry) => encoder.encodeEntry(entry));
    return writer.write({ alerts, deadLetters: [], positions: [], ...more, outbox });
  }
}

/** Declares the tests; `open` is called once for each group. */
export function storeConformance(open: OpenStore): void {
  const withStore = (name: string, tests: (ask: () => Asker) => void) =>
    describe(name, () => {
      let asker: Asker | undefined;
      beforeAll(async () => {
        asker = new Asker(await open());
      });
      afterAll(() => asker?.under.close());
      tests(() => {
        if (asker === undefined) throw new Error("the store did not open");
        return asker;
      });
    });
  withStore("documents", documentTests);
  withStore("finding", findTests);
  withStore("alerts", alertTests);
  withStore("histories", historyTests);
  withStore("outbox", outboxTests);
  withStore("changes", changeTests);
  withStore("pipelines", aggregateTests);
  withStore("catalogues", catalogTests);
  withStore("cross-matches", crossMatchTests);
}
