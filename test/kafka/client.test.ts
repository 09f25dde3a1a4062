/** What of the client's own log reaches an operator. */
import { expect, test } from "bun:test";
import kafkajs from "kafkajs";
import { kafkaClient } from "../../src/kafka/index.ts";

test("trouble is told, and what is said of every idempotent producer is not", async () => {
  const told: string[] = [];
  const kafka = await kafkaClient({ brokers: ["127.0.0.1:1"] }, (_, message) => told.push(message));
  const producer = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    idempotent: true,
    maxInFlightRequests: 1,
    retry: { retries: 1 },
  });
  expect(told).toEqual([]);
  await producer.connect().catch(() => undefined);
  expect(told.join()).toContain("127.0.0.1:1");
  await producer.disconnect();
});
