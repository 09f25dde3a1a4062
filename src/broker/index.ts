/** The broker: what other rooms import. */
export { type Broker, type BrokerListener, startBroker } from "./broker.ts";
export type { FilterNews } from "./decode-pool.ts";
export type { BrokerOptions, BrokerStats, LogLine, SourceState } from "./messages.ts";
export { type KeptPacket, Replay, type ReplayOptions } from "./replay.ts";
