/** Simulated alert packets: what other rooms import. */

export { OutputError, openOutput, type PacketOutput } from "./output.ts";
export { ZTF_SCHEMA } from "./schema.ts";
export {
  DEFAULT_START,
  MOST_ALERTS_A_NIGHT,
  type SimulatedPacket,
  type SimulatedRecord,
  type SimulationOptions,
  simulate,
  simulateRecords,
} from "./simulation.ts";
