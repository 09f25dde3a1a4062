/**
 * Two Kafka clients as bare members of a group that throw packets away: `bun bench/kafka-clients.ts [PACKETS [ROUNDS]]`.
 *
 * kafkajs, as this project uses it, and @platformatic/kafka, which is installed into a temporary folder. Each reads the
 * same topics of 8 partitions, one for each compression, in a process of its own, in turn. Told: whether it works within
 * an executable that `bun build --compile` made; packets a second from the first packet to the last, CPU a packet and
 * peak memory of `bun PROGRAM`, the median of the rounds.
 */
import { symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runExecutable } from "../test/support/executable.ts";
import { temporaryFolder } from "../test/support/folders.ts";
import { startKafka } from "../test/support/kafka.ts";

const PACKETS = Number(process.argv[2] ?? 3000);
const ROUNDS = Number(process.argv[3] ?? 3);
const OTHER = "@platformatic/kafka@2.12.1";
const COMPRESSIONS = ["none", "gzip", "snappy", "zstd"] as const;
const PARTITIONS = 8;
const FETCH_BYTES = 8 * 1024 * 1024;
const LIMIT_MS = 120_000;
const ROOT = join(import.meta.dir, "..");

/** What both programs do with a packet, and what they print when they have all. */
const COUNTING = `
const [broker, topic, wanted] = process.argv.slice(2);
let began = 0, seen = 0, bytes = 0, cpu = process.cpuUsage();
function see(value) {
  if (began === 0) { began = performance.now(); cpu = process.cpuUsage(); }
  seen++;
  bytes += value.length;
  if (seen < Number(wanted)) return;
  const milliseconds = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const peakMb = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ seen, bytes, milliseconds, cpuMs: (user + system) / 1000, peakMb }));
  process.exit(0);
}
const group = "bare-" + crypto.randomUUID();
`;

const PROGRAMS = {
  kafkajs: `
import kafkajs from "kafkajs";
import { registerCodecs } from ${JSON.stringify(join(ROOT, "src", "kafka", "codecs.ts"))};
registerCodecs();
${COUNTING}
const client = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
const consumer = client.consumer({
  groupId: group, maxBytes: ${FETCH_BYTES}, maxBytesPerPartition: ${FETCH_BYTES}, maxWaitTimeInMs: 500,
});
await consumer.connect();
await consumer.subscribe({ topics: [topic], fromBeginning: true });
await consumer.run({
  autoCommit: false, partitionsConsumedConcurrently: ${PARTITIONS},
  eachBatch: async ({ batch }) => { for (const { value } of batch.messages) see(value); },
});
`,
  "@platformatic/kafka": `
import { Consumer } from "@platformatic/kafka";
${COUNTING}
const consumer = new Consumer({
  groupId: group, clientId: "bare", bootstrapBrokers: [broker], autocommit: false,
  maxBytes: ${FETCH_BYTES}, maxWaitTime: 500, minBytes: 1,
});
const stream = await consumer.consume({ topics: [topic], mode: "earliest" });
stream.on("data", ({ value }) => see(value));
`,
} as const;

type Client = keyof typeof PROGRAMS;

interface Reading {
  readonly bytes: number;
  readonly milliseconds: number;
  readonly cpuMs: number;
  readonly peakMb: number;
}

async function sh(command: readonly string[], cwd: string, timeout = LIMIT_MS): Promise<string> {
  const child = Bun.spawn([...command], {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
    timeout,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${stderr.trim().slice(-500)}`);
  return stdout;
}

/** The file of a client's program in a folder where its packages are found. */
function program(folder: string, client: Client): string {
  const source = join(folder, `${client.replaceAll(/\W/g, "")}.ts`);
  writeFileSync(source, PROGRAMS[client]);
  return source;
}

/** Whether a program reads a topic when it is an executable; else what it said. */
async function worksCompiled(source: string, topic: string): Promise<string> {
  const output = source.replace(/\.ts$/, "");
  const folder = dirname(source);
  try {
    await sh([process.execPath, "build", "--compile", source, "--outfile", output], folder);
    await sh([output, broker, topic, String(PACKETS)], folder);
    return "works";
  } catch (error) {
    return /^[A-Z]{3,}: .*$/m.exec(String(error))?.[0] ?? String(error);
  }
}

async function read(source: string, topic: string): Promise<Reading> {
  const told = await sh([process.execPath, source, broker, topic, String(PACKETS)], dirname(source));
  return JSON.parse(told) as Reading;
}

const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const kafka = await startKafka();
if (typeof kafka === "string") throw new Error(kafka);
const { broker } = kafka;
using folder = temporaryFolder();
const others = join(folder.path, "others");
await sh(["mkdir", others], folder.path);
writeFileSync(join(others, "package.json"), "{}");
await sh([process.execPath, "add", OTHER], others);
// Beside the programs, as if they were files of this project.
symlinkSync(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
const programs: readonly (readonly [Client, string])[] = [
  ["kafkajs", program(folder.path, "kafkajs")],
  ["@platformatic/kafka", program(others, "@platformatic/kafka")],
];

for (const compression of COMPRESSIONS) {
  const topic = `packets-${compression}`;
  const words = ["produce", "--topic", topic, "--partitions", String(PARTITIONS), "--servers", broker];
  const options = ["--simulate", String(PACKETS), "--compression", compression];
  const { code, stderr } = await runExecutable([...words, ...options], { timeoutMs: LIMIT_MS });
  if (code !== 0) throw new Error(stderr);
  if (compression === COMPRESSIONS[0]) {
    for (const [client, source] of programs) {
      console.log(`${client} in an executable: ${await worksCompiled(source, topic)}`);
    }
  }
  const readings = new Map<Client, Reading[]>(programs.map(([client]) => [client, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [client, source] of programs) readings.get(client)?.push(await read(source, topic));
  }
  for (const [client, all] of readings) {
    const each = (of: (reading: Reading) => number) => median(all.map(of));
    console.log(
      `${compression}: ${client}: ${each(({ milliseconds }) => (1000 * PACKETS) / milliseconds).toFixed(0)} packets/s, ` +
        `${each(({ cpuMs }) => (1000 * cpuMs) / PACKETS).toFixed(0)} µs of CPU a packet, ` +
        `peak memory ${each(({ peakMb }) => peakMb).toFixed(0)} MB (${each(({ bytes }) => bytes)} bytes)`,
    );
  }
}
await kafka.stop();
