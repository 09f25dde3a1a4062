/** What the Avro tests share: real packets, a small container to take apart. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { encodeContainer } from "../../src/avro/index.ts";
import { sharedDir } from "../support/shared.ts";

/** Paths of all `.avro` files below a folder of the shared data, sorted; empty in a clone without it. */
export function sharedPackets(folder = ""): string[] {
  const shared = sharedDir();
  if (shared === undefined) return [];
  const root = join(shared, "data", folder);
  const names = readdirSync(root, { recursive: true, encoding: "utf8" });
  return names.flatMap((name) => (name.endsWith(".avro") ? [join(root, name)] : [])).sort();
}

export const SYNC = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

export const SCHEMA = JSON.stringify({
  type: "record",
  name: "alert",
  namespace: "test",
  fields: [
    { name: "candid", type: "long" },
    { name: "name", type: "string" },
    { name: "stamp", type: "bytes" },
  ],
});

export function row(candid: bigint): Record<string, unknown> {
  return { candid, name: "x", stamp: Uint8Array.of(1, 2, 3) };
}

/** A container of two blocks with two records each, and where its parts begin. */
export function sample(): { file: Uint8Array; headerEnd: number; block: number; blockBytes: number } {
  const file = encodeContainer(SCHEMA, [row(1n), row(2n), row(3n), row(4n)], { sync: SYNC, blockBytes: 14 });
  const headerEnd = Buffer.from(file).indexOf(SYNC) + SYNC.length;
  return { file, headerEnd, block: headerEnd + 2, blockBytes: 14 };
}

/** A container with this header and these bytes after it. */
export function container(schema: string, body: readonly number[], codec = "null"): Uint8Array {
  const text = (value: string): number[] => [...varint(Buffer.byteLength(value)), ...Buffer.from(value)];
  const header = [0x4f, 0x62, 0x6a, 1, ...varint(2), ...text("avro.schema"), ...text(schema)];
  return Uint8Array.from([...header, ...text("avro.codec"), ...text(codec), 0, ...SYNC, ...body]);
}

/** One block of `count` records with this data. */
export function block(
  count: number | bigint,
  data: readonly number[],
  size: number | bigint = data.length,
): number[] {
  return [...varint(count), ...varint(size), ...data, ...SYNC];
}

/** Avro's zigzag encoding of an integer. */
export function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  const out: number[] = [];
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...out, Number(rest)];
}
