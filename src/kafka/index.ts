/** Kafka: the client, its compressions, and writing. What other rooms import. */
export { type KafkaCluster, type KafkaLog, kafkaClient } from "./client.ts";
export { kafkaCluster } from "./cluster.ts";
export {
  COMPRESSIONS,
  type Compression,
  type KafkaMessage,
  MessageTooLargeError,
  Publisher,
  type PublisherOptions,
} from "./publisher.ts";
