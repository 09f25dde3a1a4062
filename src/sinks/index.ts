/** Where matches go: what other rooms import. */
export { type FilterChoice, isChosen } from "./choice.ts";
export { listFailures, retryFailures } from "./failures.ts";
export { LiveFeed } from "./live.ts";
export { matchMessage } from "./message.ts";
export { newestOutbox, type OutboxItem, readCursors, readOutbox } from "./outbox.ts";
export { followsReported, openSinks } from "./registry.ts";
export type { Delivery, Sink } from "./sink.ts";
export { type ConfiguredSink, registerSinks, type Sinks, startSinks } from "./sinks.ts";
