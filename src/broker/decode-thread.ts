/**
 * A thread that turns packets into rows and runs filters on them: the work of an alert that has no order to
 * keep, and then, once all batches before are stored, what needs the order. Only bytes leave it.
 */
import { CrossMatcher } from "../enrich/crossmatch/index.ts";
import { type ScoreNews, Scorer } from "../enrich/scores/index.ts";
import { FilterRegistry, filterBatch } from "../filters/index.ts";
import {
  type AlertEncoder,
  type AlertReader,
  type AlertRecord,
  alertEncoder,
  type EncodedAlert,
  openAlertReader,
} from "../store/index.ts";
import { giveWay } from "../telemetry/niceness.ts";
import { withCrossMatches } from "./cross-matches.ts";
import { type CutoutsKept, encodedCutouts, keepCutouts } from "./cutouts.ts";
import { decodePacket, encodePacket } from "./decode.ts";
import type { DecodeAnswer, DecodeRequest, FaultyPacket } from "./messages.ts";

declare const self: Worker;

/** Ingest gives way to the answers of the same process. */
const NICENESS = 10;
/** A dead letter keeps at most this much of its packet, bytes. */
const MOST_LETTER_BYTES = 15 * 1024 * 1024;
/** What filters did is told this often, milliseconds. */
const TALLY_INTERVAL_MS = 1000;
/** Decoding lets other requests in this often, milliseconds: the filters of the batch whose turn it is to be
 * written do not wait until all of another batch is decoded. */
const SLICE_MS = 3;

const NO_SCORES: ScoreNews = { counts: {}, failures: {} };

/** A batch between its two halves. */
interface Decoded {
  readonly records: readonly AlertRecord[];
  readonly alerts: readonly EncodedAlert[];
  readonly faulty: readonly FaultyPacket[];
  /** What became of the alerts at the networks. */
  readonly scores: ScoreNews;
  /** What all of the above refers to: the packets' buffers and the encoder's. */
  readonly buffers: ArrayBuffer[];
}

interface Opened {
  readonly cutouts: CutoutsKept;
  readonly encoder: AlertEncoder;
  /** One for matches: their buffers are given away while another batch's alerts are being encoded. */
  readonly entries: AlertEncoder;
  readonly reader: AlertReader;
  readonly registry: FilterRegistry;
  readonly matcher: CrossMatcher;
  readonly scorer: Scorer | undefined;
}

let opening: Promise<Opened> | undefined;
const decoded = new Map<number, Decoded>();
let lastTallies = performance.now();
/** Batches are decoded one after the other. */
let decoding: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<DecodeRequest>) => {
  if (data.type === "open") opening = open(data);
  else if (data.type === "decode") decoding = decoding.then(() => decode(data));
  else if (data.type === "filter") void filter(data.id, data.batch);
  else void tell(data.id);
};

async function open(options: Extract<DecodeRequest, { type: "open" }>): Promise<Opened> {
  const { cutouts, crossMatches, scores, store } = options;
  giveWay(NICENESS);
  const reader = await openAlertReader(store);
  return {
    cutouts,
    encoder: alertEncoder(store, { cutouts: encodedCutouts(cutouts) }),
    entries: alertEncoder(store),
    reader,
    registry: new FilterRegistry(reader),
    matcher: new CrossMatcher(crossMatches, reader),
    scorer: scores === undefined ? undefined : await Scorer.open(scores),
  };
}

function parts(): Promise<Opened> {
  return opening ?? Promise.reject(new Error("packets came before the options"));
}

async function decode({
  id,
  packets,
  schemas,
  buffers,
}: Extract<DecodeRequest, { type: "decode" }>): Promise<void> {
  const { encoder, scorer } = await parts();
  const found = await inSlices(packets, (packet) => decodePacket(packet, schemas));
  if (scorer !== undefined) {
    await scorer.score(
      found.flatMap((packet) => packet.records),
      slices(),
    );
  }
  const rows = await inSlices(found, (packet) => encodePacket(packet, encoder));
  const faulty = rows.flatMap(({ fault, survey }, index): FaultyPacket[] => {
    const bytes = packets[index]?.bytes.subarray(0, MOST_LETTER_BYTES);
    if (fault === undefined || bytes === undefined) return [];
    return [{ index, fault, bytes, ...(survey === undefined ? {} : { survey }) }];
  });
  const records = rows.flatMap((row) => row.records);
  decoded.set(id, {
    records,
    alerts: rows.flatMap(({ alerts }) => alerts),
    faulty,
    scores: scorer?.tally.take() ?? NO_SCORES,
    buffers: [...buffers, ...encoder.takeBuffers()],
  });
  const names = records.flatMap(({ survey, objectId, candid }) => [
    `${survey}/${objectId}`,
    `${survey}/${candid}`,
  ]);
  send({ type: "decoded", id, names });
}

/** What `work` makes of each item, with pauses in which other requests are answered. */
async function inSlices<T, U>(items: readonly T[], work: (item: T) => U): Promise<U[]> {
  const made: U[] = [];
  const pause = slices();
  for (const item of items) {
    made.push(work(item));
    await pause();
  }
  return made;
}

/** Lets other requests in when a slice of time is over. */
function slices(): () => Promise<void> | undefined {
  let until = performance.now() + SLICE_MS;
  return () => {
    if (performance.now() < until) return undefined;
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      until = performance.now() + SLICE_MS;
    });
  };
}

async function tell(id: number): Promise<void> {
  const { registry } = await parts();
  send({ type: "told", id, tallies: registry.takeTallies(), broken: [] });
}

async function filter(id: number, number: number): Promise<void> {
  try {
    const { registry, reader, encoder, entries, cutouts, matcher } = await parts();
    const batch = decoded.get(number);
    if (batch === undefined) throw new Error(`batch ${number} is not on this thread`);
    const records = await matcher.match(batch.records);
    const matches = await filterBatch(records, registry, reader);
    const outbox = matches.map((match) => entries.encodeEntry(match));
    const buffers = [...batch.buffers, ...entries.takeBuffers()];
    decoded.delete(number);
    const isTime = performance.now() - lastTallies > TALLY_INTERVAL_MS;
    if (isTime) lastTallies = performance.now();
    const tallies = isTime ? registry.takeTallies() : [];
    const { faulty, scores } = batch;
    const alerts = keepCutouts(cutouts, withCrossMatches(batch.alerts, records, encoder), matches, encoder);
    send(
      {
        type: "filtered",
        id,
        alerts,
        faulty,
        scores,
        buffers,
        outbox,
        tallies,
        broken: registry.takeBroken(),
      },
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
