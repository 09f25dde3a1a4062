/** The schemas of a batch's framed messages, found before the batch is decoded. */
import { isFramed, readConfluentFrame } from "../avro/index.ts";
import type { FoundSchema, SchemaRegistry } from "../kafka/index.ts";
import type { Packet } from "../sources/index.ts";

/** By number. */
export type Schemas = ReadonlyMap<number, FoundSchema>;

/**
 * Asks the registry for the schemas of these packets; undefined when none is framed. Waits for as long as the
 * registry does not answer: that is no fault of the packets. Rejects when `signal` aborts.
 */
export async function schemasOf(
  packets: readonly Pick<Packet, "bytes" | "fault">[],
  registry: SchemaRegistry,
  signal: AbortSignal,
): Promise<Schemas | undefined> {
  const ids = new Set<number>();
  for (const { bytes, fault } of packets) {
    const id = fault === undefined ? idOf(bytes) : undefined;
    if (id !== undefined) ids.add(id);
  }
  if (ids.size === 0) return undefined;
  const schemas = new Map<number, FoundSchema>();
  for (const id of ids) schemas.set(id, await registry.schema(id, signal));
  return schemas;
}

function idOf(bytes: Uint8Array): number | undefined {
  if (!isFramed(bytes)) return undefined;
  try {
    return readConfluentFrame(bytes).schemaId;
  } catch {
    // Too short: the decoder says so.
    return undefined;
  }
}
