/** A thread that turns packets into rows: decoding is most of the work of an alert and has no order to keep. */
import os from "node:os";
import { type AlertEncoder, type EncodedAlert, embeddedEncoder } from "../store/index.ts";
import { decodePacket } from "./decode.ts";
import type { DecodeAnswer, DecodeRequest, FaultyPacket } from "./messages.ts";

declare const self: Worker;

/** Ingest gives way to the answers of the same process. */
const NICENESS = 10;
/** A dead letter keeps at most this much of its packet, bytes. */
const MOST_LETTER_BYTES = 16 * 1024 * 1024;

let encoder: AlertEncoder | undefined;
let sendsBytesBack = false;

self.onmessage = ({ data }: MessageEvent<DecodeRequest>) => {
  if (data.type === "open") {
    os.setPriority(0, NICENESS);
    sendsBytesBack = data.cutouts !== "none";
    encoder = embeddedEncoder({ cutouts: data.cutouts });
    return;
  }
  if (encoder === undefined) throw new Error("packets came before the options");
  const alerts: EncodedAlert[] = [];
  const faulty: FaultyPacket[] = [];
  const buffers = new Set<ArrayBufferLike>();
  for (const [index, packet] of data.packets.entries()) {
    const { fault, survey, alerts: found } = decodePacket(packet, encoder);
    alerts.push(...found);
    // Stamps are views into the packet: its buffer goes along instead of copies.
    if (sendsBytesBack && found.length > 0) buffers.add(packet.bytes.buffer);
    if (fault === undefined) continue;
    const bytes = packet.bytes.subarray(0, MOST_LETTER_BYTES);
    buffers.add(packet.bytes.buffer);
    faulty.push({ index, fault, bytes, ...(survey === undefined ? {} : { survey }) });
  }
  const answer: DecodeAnswer = { id: data.id, alerts, faulty };
  self.postMessage(
    answer,
    [...buffers].filter((buffer) => buffer instanceof ArrayBuffer),
  );
};
