/** Sends the packets of dead letters the way of an alert once more, one by one. */
import { CrossMatcher, type CrossMatchSettings } from "../enrich/crossmatch/index.ts";
import { Scorer, type ScoreSettings } from "../enrich/scores/index.ts";
import { FilterRegistry, filterBatch } from "../filters/index.ts";
import { type RegistrySettings, SchemaRegistry } from "../kafka/index.ts";
import { giveBack, type PacketFault } from "../sources/index.ts";
import {
  type AlertEncoder,
  type AlertReader,
  type AlertWriter,
  alertEncoder,
  openAlertReader,
  openAlertWriter,
  type StoreSettings,
} from "../store/index.ts";
import { withCrossMatches } from "./cross-matches.ts";
import { type CutoutsKept, encodedCutouts, keepCutouts } from "./cutouts.ts";
import { decodePacket, encodePacket } from "./decode.ts";
import { schemasOf } from "./schemas.ts";

/** How long a registry that does not answer is waited for, milliseconds. */
const SCHEMA_WAIT_MS = 20_000;

export interface ReplayOptions {
  readonly cutouts: CutoutsKept;
  readonly crossMatches: CrossMatchSettings;
  readonly scores?: ScoreSettings | undefined;
  /** Where the schemas of framed messages are found. */
  readonly registry?: RegistrySettings;
}

/** A packet as its dead letter keeps it. */
export interface KeptPacket {
  readonly id: string;
  readonly place: string;
  readonly bytes: Uint8Array;
}

export class Replay {
  readonly #registry: FilterRegistry;
  readonly #schemas: SchemaRegistry;
  readonly #matcher: CrossMatcher;

  private constructor(
    readonly writer: AlertWriter,
    readonly reader: AlertReader,
    readonly encoder: AlertEncoder,
    readonly options: ReplayOptions,
    readonly scorer: Scorer | undefined,
  ) {
    this.#registry = new FilterRegistry(reader);
    this.#schemas = new SchemaRegistry(options.registry ?? { cacheFolder: "" });
    this.#matcher = new CrossMatcher(options.crossMatches, reader);
  }

  /** Throws `StoreError` when the store cannot be used. */
  static async open(store: StoreSettings, options: ReplayOptions): Promise<Replay> {
    const writer = await openAlertWriter(store);
    const encoder = alertEncoder(store, { cutouts: encodedCutouts(options.cutouts) });
    const scorer = options.scores === undefined ? undefined : await Scorer.open(options.scores);
    return new Replay(writer, await openAlertReader(store), encoder, options, scorer);
  }

  /**
   * Decodes, filters and stores one packet, and removes its letter in the same transaction. Answers what is
   * wrong with a packet that is still faulty: its letter stays, the alerts before the fault are stored.
   */
  async packet({ id, place, bytes }: KeptPacket): Promise<PacketFault | undefined> {
    const schemas = await schemasOf([{ bytes }], this.#schemas, AbortSignal.timeout(SCHEMA_WAIT_MS));
    const decoded = decodePacket({ bytes, key: id, place }, schemas);
    await this.scorer?.score(decoded.records);
    const { encoder } = this;
    const { alerts: unmatched, records: found, fault } = encodePacket(decoded, encoder);
    const records = await this.#matcher.match(found);
    const matches = await filterBatch(records, this.#registry, this.reader);
    const outbox = matches.map((match) => encoder.encodeEntry(match));
    const all = withCrossMatches(unmatched, records, encoder);
    const alerts = keepCutouts(this.options.cutouts, all, matches, encoder);
    const settledLetters = fault === undefined ? [id] : [];
    await this.writer.write({ alerts, outbox, settledLetters, deadLetters: [], positions: [] });
    for (const buffer of this.encoder.takeBuffers()) giveBack(buffer);
    return fault;
  }

  async close(): Promise<void> {
    await this.scorer?.close();
    await this.writer.close();
  }
}
