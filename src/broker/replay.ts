/** Sends the packets of dead letters the way of an alert once more, one by one. */
import { FilterRegistry, filterBatch } from "../filters/index.ts";
import type { PacketFault } from "../sources/index.ts";
import {
  type AlertEncoder,
  type AlertReader,
  type AlertWriter,
  alertEncoder,
  openAlertReader,
  openAlertWriter,
  type StoreSettings,
} from "../store/index.ts";
import { type CutoutsKept, encodedCutouts, keepCutouts } from "./cutouts.ts";
import { decodePacket, encodePacket } from "./decode.ts";

export interface ReplayOptions {
  readonly cutouts: CutoutsKept;
}

/** A packet as its dead letter keeps it. */
export interface KeptPacket {
  readonly id: string;
  readonly place: string;
  readonly bytes: Uint8Array;
}

export class Replay {
  readonly #registry: FilterRegistry;

  private constructor(
    readonly writer: AlertWriter,
    readonly reader: AlertReader,
    readonly encoder: AlertEncoder,
    readonly cutouts: CutoutsKept,
  ) {
    this.#registry = new FilterRegistry(reader);
  }

  /** Throws `StoreError` when the store cannot be used. */
  static async open(store: StoreSettings, { cutouts }: ReplayOptions): Promise<Replay> {
    const writer = await openAlertWriter(store);
    const encoder = alertEncoder(store, { cutouts: encodedCutouts(cutouts) });
    return new Replay(writer, await openAlertReader(store), encoder, cutouts);
  }

  /**
   * Decodes, filters and stores one packet, and removes its letter in the same transaction. Answers what is
   * wrong with a packet that is still faulty: its letter stays, the alerts before the fault are stored.
   */
  async packet({ id, place, bytes }: KeptPacket): Promise<PacketFault | undefined> {
    const decoded = decodePacket({ bytes, key: id, place });
    const { alerts: all, records, fault } = encodePacket(decoded, this.encoder);
    const outbox = await filterBatch(records, this.#registry, this.reader);
    const alerts = keepCutouts(this.cutouts, all, outbox, this.encoder);
    const settledLetters = fault === undefined ? [id] : [];
    await this.writer.write({ alerts, outbox, settledLetters, deadLetters: [], positions: [] });
    return fault;
  }

  async close(): Promise<void> {
    await this.writer.close();
  }
}
