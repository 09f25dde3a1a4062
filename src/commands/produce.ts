/** `kowalski produce`: publishes packets to a Kafka topic, as a survey does. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { COMPRESSIONS, type KafkaMessage, kafkaCluster, Publisher, untilAborted } from "../kafka/index.ts";
import { DEFAULT_LIMITS, giveBack, openSource, type PacketBatch } from "../sources/index.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED, UsageError } from "./errors.ts";
import { downloadsFolder } from "./open-store.ts";
import type { Output } from "./output.ts";

const options = {
  topic: { type: "text", value: "NAME", help: "the topic, made when it is not there" },
  partitions: { type: "integer", min: 1, value: "N", default: 1, help: "partitions of a topic that is made" },
  rate: {
    type: "number",
    min: 0,
    value: "N",
    help: "packets a second at most (default: as fast as it goes)",
  },
  repeat: { type: "integer", min: 1, value: "N", default: 1, help: "publish everything so many times" },
  simulate: { type: "integer", min: 1, value: "N", help: "packets of a simulated night, instead of files" },
  seed: { type: "integer", min: 0, value: "N", default: 1, help: "seed of the simulation" },
  compression: { type: "text", choices: COMPRESSIONS, help: "compression of the messages (default: none)" },
  servers: { type: "text", value: "LIST", help: "brokers, host:port,… (default: kafka.bootstrap.servers)" },
  test: { type: "flag", help: "the brokers of kafka.bootstrap.test.servers" },
} as const;

/** Packets that are handed to the client together. */
const TOGETHER = 100;
/** How long what is on its way, and the goodbye to the brokers, may take when the command is interrupted, milliseconds. */
const GRACE_MS = 3000;

export const command = defineCommand({
  name: "produce",
  summary: "publish packets to a Kafka topic",
  description:
    "Publishes the packets of files, folders, archives or addresses, or of a simulated night, to a topic: what a " +
    "survey's stream looks like, for tests of `kowalski serve` and of whatever else reads it. Each request " +
    "stays below the topic's max.message.bytes.",
  positionals: [{ name: "SOURCE", help: "file, folder, archive or address", variadic: true, optional: true }],
  options,
  examples: [
    { line: "kowalski produce packets/ --topic ztf_20231012_programid1", help: "the packets of a folder" },
    {
      line: "kowalski produce --simulate 10000 --rate 270 --topic lsst --partitions 8 --servers localhost:9092",
      help: "a stream as fast as Rubin's",
    },
  ],
  async run(context) {
    const { topic, simulate } = context.options;
    if (topic === undefined) throw new UsageError("--topic is missing: the topic to publish to");
    if ((simulate === undefined) === (context.args.length === 0)) {
      throw new UsageError("what to publish? Name files or folders, or give --simulate N");
    }
    return produce(topic, context);
  },
});

async function produce(topic: string, context: CommandContext<typeof options>): Promise<number> {
  const { options: given, args, output, signal } = context;
  const { config } = context.loadConfig();
  // Before anything is made or written.
  for (const location of args) requireThere(location);
  const brokers = given.servers?.split(",").map((broker) => broker.trim());
  const cluster = brokers === undefined ? kafkaCluster(config.kafka, given.test) : { brokers };
  const publisher = await connect(cluster, given.compression ?? "none", output, signal);
  if (publisher === undefined) return EXIT_FAILED;
  const progress = output.progress({ unit: "packets" });
  const pace = new Pace(given.rate);
  const late = lateAfter(signal);
  let isMade = false;
  let count = 0;
  let bytes = 0;
  try {
    for (let round = 0; round < given.repeat && !signal.aborted; round++) {
      for await (const messages of packets(context, downloadsFolder(config))) {
        if (signal.aborted) break;
        if (!isMade && (await untilAborted(() => publisher.makeTopic(topic, given.partitions), late)))
          output.note(`made topic ${topic} with ${given.partitions} partitions`);
        isMade = true;
        await untilAborted(() => publisher.send(topic, messages), late);
        count += messages.length;
        bytes += messages.reduce((sum, { value }) => sum + value.length, 0);
        progress.update({ count, bytes });
        await pace.after(messages.length, signal);
      }
    }
  } catch (error) {
    if (!late.aborted) throw new CommandError(reasonFor(topic, error));
    output.note(`interrupted: the brokers did not answer within ${GRACE_MS / 1000} s`);
  } finally {
    progress.finish({ count, bytes });
    await Promise.race([publisher.close().catch(() => undefined), Bun.sleep(GRACE_MS)]);
  }
  output.json({ event: "summary", topic, packets: count, bytes });
  output.line(`${count} packets published to ${topic}`);
  return signal.aborted ? EXIT_FAILED : EXIT_DONE;
}

/** Throws `CommandError` where a path leads nowhere; addresses show when they are read. */
function requireThere(location: string): void {
  if (/^https?:\/\//i.test(location) || existsSync(location)) return;
  throw new CommandError(`${resolve(location)}: there is no such file or folder`);
}

/** Aborts a while after `signal`: what is on its way may arrive, brokers that are away are not waited for. */
function lateAfter(signal: AbortSignal): AbortSignal {
  const late = new AbortController();
  signal.addEventListener("abort", () => setTimeout(() => late.abort(), GRACE_MS).unref(), { once: true });
  return late.signal;
}

function reasonFor(topic: string, error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return reason.startsWith(`topic ${topic} `) ? reason : `${topic}: ${reason}`;
}

/** Undefined where it was interrupted. */
async function connect(
  cluster: Parameters<typeof Publisher.connect>[0],
  compression: (typeof COMPRESSIONS)[number],
  output: Output,
  signal: AbortSignal,
): Promise<Publisher | undefined> {
  const log = (_: string, message: string) => output.note(message);
  try {
    return await untilAborted(() => Publisher.connect(cluster, { compression, log }), signal);
  } catch (error) {
    const where = cluster.brokers.join(", ");
    if (signal.aborted) {
      output.note(`interrupted: no broker of ${where} has answered yet`);
      return undefined;
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`no broker of ${where} can be reached: ${reason}`);
  }
}

/** The packets in the order of their sources, a few at a time. */
async function* packets(
  context: CommandContext<typeof options>,
  downloads: string,
): AsyncGenerator<KafkaMessage[]> {
  const { options: given, args, signal } = context;
  if (given.simulate !== undefined) {
    const { simulate } = await import("../sources/simulator/index.ts");
    let part: KafkaMessage[] = [];
    const nights = Math.ceil(given.simulate / 100_000);
    for (const { bytes, objectId } of simulate({ alerts: given.simulate, seed: given.seed, nights })) {
      part.push({ key: objectId, value: bytes });
      if (part.length < TOGETHER) continue;
      yield part;
      part = [];
    }
    if (part.length > 0) yield part;
    return;
  }
  for (const location of args) {
    const source = openSource({ location }, { limits: { ...DEFAULT_LIMITS, packets: TOGETHER }, downloads });
    for await (const batch of source.batches(undefined, signal)) {
      yield messagesOf(batch);
      for (const buffer of batch.buffers) giveBack(buffer);
    }
  }
}

function messagesOf({ packets: found }: PacketBatch): KafkaMessage[] {
  // A packet that could not be read is nothing to publish.
  return found.filter(({ fault }) => fault === undefined).map(({ bytes }) => ({ key: null, value: bytes }));
}

/** Holds a rate by waiting. */
class Pace {
  readonly #started = performance.now();
  #count = 0;

  constructor(readonly rate: number | undefined) {}

  async after(count: number, signal: AbortSignal): Promise<void> {
    this.#count += count;
    if (this.rate === undefined || this.rate === 0 || signal.aborted) return;
    const wait = this.#started + (1000 * this.#count) / this.rate - performance.now();
    if (wait > 0) await Bun.sleep(wait);
  }
}
