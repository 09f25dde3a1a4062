/**
 * A thread that turns packets into rows and runs filters on them: the work of an alert that has no order to
 * keep, and then, once all batches before are stored, what needs the order. Only bytes leave it.
 */
import os from "node:os";
import { FilterRegistry, filterBatch } from "../filters/index.ts";
import {
  type AlertEncoder,
  type AlertReader,
  type AlertRecord,
  alertEncoder,
  type EncodedAlert,
  encodeDocument,
  openAlertReader,
} from "../store/index.ts";
import { release } from "./buffers.ts";
import { type CutoutsKept, encodedCutouts, keepCutouts } from "./cutouts.ts";
import { decodePacket } from "./decode.ts";
import type { DecodeAnswer, DecodeRequest, FaultyPacket } from "./messages.ts";

declare const self: Worker;

/** Ingest gives way to the answers of the same process. */
const NICENESS = 10;
/** A dead letter keeps at most this much of its packet, bytes. */
const MOST_LETTER_BYTES = 15 * 1024 * 1024;
/** What filters did is told this often, milliseconds. */
const TALLY_INTERVAL_MS = 1000;

/** A batch between its two halves. */
interface Decoded {
  readonly records: readonly AlertRecord[];
  readonly alerts: readonly EncodedAlert[];
  readonly faulty: readonly FaultyPacket[];
  /** The packets' buffers that `alerts` and `faulty` refer to. */
  readonly buffers: ArrayBuffer[];
  /** The others: only the records refer to them. */
  readonly spent: readonly ArrayBufferLike[];
}

interface Opened {
  readonly cutouts: CutoutsKept;
  readonly encoder: AlertEncoder;
  readonly reader: AlertReader;
  readonly registry: FilterRegistry;
}

let opened: Opened | undefined;
const decoded = new Map<number, Decoded>();
let lastTallies = performance.now();
/** Requests are worked on one after the other, also where reading the store waits. */
let turn: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<DecodeRequest>) => {
  turn = turn.then(() => perform(data));
};

async function perform(request: DecodeRequest): Promise<void> {
  if (request.type === "open") {
    os.setPriority(0, NICENESS);
    const { cutouts, store } = request;
    const reader = await openAlertReader(store);
    opened = {
      cutouts,
      encoder: alertEncoder(store, { cutouts: encodedCutouts(cutouts) }),
      reader,
      registry: new FilterRegistry(reader),
    };
    return;
  }
  if (opened === undefined) throw new Error("packets came before the options");
  if (request.type === "decode") {
    decoded.set(request.id, decode(request.packets, opened));
    send({ type: "decoded", id: request.id });
  } else if (request.type === "filter") await filter(request.id, request.batch, opened);
  else send({ type: "told", id: request.id, tallies: opened.registry.takeTallies(), broken: [] });
}

function decode(packets: Extract<DecodeRequest, { type: "decode" }>["packets"], parts: Opened): Decoded {
  const records: AlertRecord[] = [];
  const alerts: EncodedAlert[] = [];
  const faulty: FaultyPacket[] = [];
  const buffers = new Set<ArrayBufferLike>();
  for (const [index, packet] of packets.entries()) {
    const found = decodePacket(packet, parts.encoder);
    records.push(...found.records);
    alerts.push(...found.alerts);
    // Stamps are views into the packet: its buffer goes along instead of copies.
    if (parts.cutouts !== "none" && found.alerts.length > 0) buffers.add(packet.bytes.buffer);
    const { fault, survey } = found;
    if (fault === undefined) continue;
    const bytes = packet.bytes.subarray(0, MOST_LETTER_BYTES);
    buffers.add(packet.bytes.buffer);
    faulty.push({ index, fault, bytes, ...(survey === undefined ? {} : { survey }) });
  }
  return {
    records,
    alerts,
    faulty,
    buffers: [...buffers].filter((each) => each instanceof ArrayBuffer),
    spent: packets.flatMap(({ bytes }) => (buffers.has(bytes.buffer) ? [] : [bytes.buffer])),
  };
}

async function filter(id: number, number: number, parts: Opened): Promise<void> {
  const { registry, reader, encoder, cutouts } = parts;
  try {
    const batch = decoded.get(number);
    if (batch === undefined) throw new Error(`batch ${number} is not on this thread`);
    const entries = await filterBatch(batch.records, registry, reader);
    const outbox = entries.map((entry) => ({ ...entry, document: encodeDocument(entry.document) }));
    decoded.delete(number);
    const isTime = performance.now() - lastTallies > TALLY_INTERVAL_MS;
    if (isTime) lastTallies = performance.now();
    const tallies = isTime ? registry.takeTallies() : [];
    const { faulty, buffers, spent } = batch;
    const alerts = keepCutouts(cutouts, batch.alerts, entries, encoder);
    for (const buffer of spent) release(buffer);
    send(
      { type: "filtered", id, alerts, faulty, buffers, outbox, tallies, broken: registry.takeBroken() },
      buffers,
    );
  } catch (error) {
    // Filters fail one by one without harm: what comes here is the store, and it may be asked again.
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    send({ type: "failed", id, name, message });
  }
}

function send(answer: DecodeAnswer, transfer: ArrayBuffer[] = []): void {
  self.postMessage(answer, transfer);
}
