/** Kafka: the client, its compressions, and writing. What other rooms import. */

export { untilAborted } from "./aborted.ts";
export { damped, type KafkaCluster, type KafkaLog, kafkaClient } from "./client.ts";
export { kafkaCluster, registrySettings } from "./cluster.ts";
export {
  COMPRESSIONS,
  type Compression,
  type KafkaMessage,
  MessageTooLargeError,
  Publisher,
  type PublisherOptions,
} from "./publisher.ts";
export { type FoundSchema, type RegistryOptions, type RegistrySettings, SchemaRegistry } from "./registry.ts";
