/** Packets for tests: the real ones, copies of them under other names, and archives of packets. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pack } from "tar-stream";
import { Encoder, openContainer } from "../../src/avro/index.ts";
import type { Document } from "../../src/query/index.ts";
import type { AlertRecord } from "../../src/store/index.ts";
import { surveyForSchema } from "../../src/surveys/index.ts";
import { sharedPath } from "./shared.ts";

export interface NamedPacket {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The real ZTF packets beside a development checkout, by name. */
export function realPackets(): NamedPacket[] {
  const root = sharedPath("data", "ztf");
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".avro"))
    .sort()
    .map((name) => ({ name: basename(name), bytes: readFileSync(join(root, name)) }));
}

/** Their alerts as they are mapped, before anything is added. */
export function realRecords(): AlertRecord[] {
  return realPackets().flatMap(({ bytes }) => {
    const container = openContainer(bytes);
    const survey = surveyForSchema(container.schemaName, container.fieldNames);
    if (survey === undefined) throw new Error("a packet is of no survey");
    return [...container.records()].map((packed) => survey.map(packed as Document));
  });
}

/** Candids of copies begin here: no real alert is near. */
const FIRST_COPY = 9_000_000_000_000_000_000n;
const COPIES_OF_ONE = 1_000_000n;

/** A container of `records` copies of a packet's alert, each of an object and with a candid of its own. */
export class Copier {
  readonly #encoder: Encoder;
  readonly #record: Readonly<Record<string, unknown>>;
  #next: bigint;

  /** Copiers with different numbers make different alerts. */
  constructor(packet: Uint8Array, number = 0) {
    this.#next = FIRST_COPY + BigInt(number) * COPIES_OF_ONE;
    const container = openContainer(packet);
    const [record] = container.records();
    if (record === undefined) throw new Error("the packet is empty");
    this.#record = record;
    this.#encoder = new Encoder(Buffer.from(container.schema).toString());
  }

  packet(records = 1): NamedPacket {
    const copies = Array.from({ length: records }, () => {
      const candid = this.#next++;
      return { ...this.#record, candid, objectId: `ZTF99copy${candid - FIRST_COPY}` };
    });
    return { name: `${copies[0]?.candid}.avro`, bytes: this.#encoder.container(copies) };
  }

  packets(count: number): NamedPacket[] {
    return Array.from({ length: count }, () => this.packet());
  }
}

/** An archive of these packets, uncompressed. */
export async function tarOf(packets: Iterable<NamedPacket>): Promise<Uint8Array<ArrayBuffer>> {
  const archive = pack();
  for (const { name, bytes } of packets) archive.entry({ name }, Buffer.from(bytes));
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive) chunks.push(chunk as Uint8Array);
  return new Uint8Array(Buffer.concat(chunks));
}

/** As the nightly archives come. */
export async function tarGzOf(packets: Iterable<NamedPacket>): Promise<Uint8Array<ArrayBuffer>> {
  return Bun.gzipSync(await tarOf(packets), { level: 1 });
}
