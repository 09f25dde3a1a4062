/** From one packet's bytes to the rows of its alerts: decode, map, encode. Pure but for the encoder's format. */
import { openContainer } from "../avro/index.ts";
import type { Document } from "../query/index.ts";
import type { Packet, PacketFault } from "../sources/index.ts";
import type { AlertEncoder, AlertRecord, EncodedAlert } from "../store/index.ts";
import { surveyForSchema } from "../surveys/index.ts";

/** What became of a packet: the alerts it holds and, where it could not be read to its end, why. */
export interface DecodedPacket {
  readonly alerts: readonly EncodedAlert[];
  /** The same alerts as objects, for filters. */
  readonly records: readonly AlertRecord[];
  /** Name of the packet's survey, when its schema told. */
  readonly survey?: string;
  readonly fault?: PacketFault;
}

/** A packet with a schema that no survey publishes. */
class UnknownSurveyError extends Error {
  override readonly name = "UnknownSurveyError";
}

/** Never throws for a bad packet: what is wrong is in `fault`, and the alerts before it are kept. */
export function decodePacket(packet: Packet, encoder: AlertEncoder): DecodedPacket {
  if (packet.fault !== undefined) return { alerts: [], records: [], fault: packet.fault };
  const alerts: EncodedAlert[] = [];
  const records: AlertRecord[] = [];
  let name: string | undefined;
  try {
    const container = openContainer(packet.bytes);
    const survey = surveyForSchema(container.schemaName, container.fieldNames);
    if (survey === undefined) {
      throw new UnknownSurveyError(`no survey publishes packets with the schema ${container.schemaName}`);
    }
    name = survey.name;
    for (const packed of container.records()) {
      const record = survey.map(packed as Document);
      alerts.push(encoder.encode(record));
      records.push(record);
    }
    return { alerts, records, survey: name };
  } catch (error) {
    const fault =
      error instanceof Error
        ? { reason: error.name, message: error.message }
        : { reason: "Error", message: String(error) };
    return { alerts, records, fault, ...(name === undefined ? {} : { survey: name }) };
  }
}
