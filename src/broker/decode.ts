/** From one packet's bytes to its alerts, and to rows. Pure but for the encoder's format. */
import { isFramed, openContainer, openDatum, readConfluentFrame } from "../avro/index.ts";
import type { Document } from "../query/index.ts";
import type { Packet, PacketFault } from "../sources/index.ts";
import type { AlertEncoder, AlertRecord, EncodedAlert } from "../store/index.ts";
import { surveyForSchema } from "../surveys/index.ts";
import type { Schemas } from "./schemas.ts";

/** What became of a packet: the alerts it holds and, where it could not be read to its end, why. */
export interface DecodedPacket {
  readonly records: readonly AlertRecord[];
  /** Name of the packet's survey, when its schema told. */
  readonly survey?: string;
  readonly fault?: PacketFault;
}

/** The same with the alerts as rows. */
export interface EncodedPacket extends DecodedPacket {
  readonly alerts: readonly EncodedAlert[];
}

/** A packet with a schema that no survey publishes. */
class UnknownSurveyError extends Error {
  override readonly name = "UnknownSurveyError";
}

/** A framed message whose schema nobody knows. */
class UnknownSchemaError extends Error {
  override readonly name = "UnknownSchemaError";
}

/** What a packet holds, whichever way it is framed; `schemas` has those that frames refer to. */
function openPacket(bytes: Uint8Array, schemas: Schemas | undefined) {
  if (!isFramed(bytes)) return openContainer(bytes);
  const { schemaId, payload } = readConfluentFrame(bytes);
  const found = schemas?.get(schemaId) ?? { unknown: `the schema of number ${schemaId} is not at hand` };
  if ("unknown" in found) throw new UnknownSchemaError(found.unknown);
  return openDatum(found.schema, payload);
}

/** Never throws for a bad packet: what is wrong is in `fault`, and the alerts before it are kept. */
export function decodePacket(packet: Packet, schemas?: Schemas): DecodedPacket {
  if (packet.fault !== undefined) return { records: [], fault: packet.fault };
  const records: AlertRecord[] = [];
  let name: string | undefined;
  try {
    const container = openPacket(packet.bytes, schemas);
    const survey = surveyForSchema(container.schemaName, container.fieldNames);
    if (survey === undefined) {
      throw new UnknownSurveyError(`no survey publishes packets with the schema ${container.schemaName}`);
    }
    name = survey.name;
    for (const packed of container.records(survey.flatFields)) records.push(survey.map(packed as Document));
    return { records, survey: name };
  } catch (error) {
    return { records, fault: faultOf(error), ...(name === undefined ? {} : { survey: name }) };
  }
}

/** The alerts of a packet as rows. An alert that the store cannot hold makes the packet faulty from there on. */
export function encodePacket(packet: DecodedPacket, encoder: AlertEncoder): EncodedPacket {
  const alerts: EncodedAlert[] = [];
  try {
    for (const record of packet.records) alerts.push(encoder.encode(record));
    return { ...packet, alerts };
  } catch (error) {
    return { ...packet, records: packet.records.slice(0, alerts.length), alerts, fault: faultOf(error) };
  }
}

function faultOf(error: unknown): PacketFault {
  return error instanceof Error
    ? { reason: error.name, message: error.message }
    : { reason: "Error", message: String(error) };
}
