/** `kowalski simulate`: writes alert packets of a simulated ZTF survey to files. */
import type { SimulationOptions } from "../sources/simulator/index.ts";
import { type CommandContext, defineCommand } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED, UsageError } from "./errors.ts";

const DEFAULT_ALERTS = 1000;
/** A busy night of ZTF: more alerts than this make more nights, unless told otherwise. */
const ALERTS_A_NIGHT = 100_000;

const options = {
  out: { type: "text", value: "PATH", help: "a folder, or a file that ends in .tar or .tar.gz" },
  alerts: { type: "integer", min: 1, value: "N", default: DEFAULT_ALERTS, help: "packets in all" },
  nights: {
    type: "integer",
    min: 1,
    value: "N",
    help: `nights they are spread over (default: one for every ${ALERTS_A_NIGHT} packets)`,
  },
  start: { type: "text", value: "DATE", default: "2024-01-01", help: "date of the first night" },
  seed: {
    type: "integer",
    min: 0,
    value: "N",
    default: 1,
    help: "the same seed makes the same packets, byte for byte",
  },
  "no-cutouts": { type: "flag", help: "leave out the image stamps, which are most of a packet" },
  force: { type: "flag", help: "replace what is there" },
} as const;

export const command = defineCommand({
  name: "simulate",
  summary: "write alert packets of a simulated sky",
  description:
    "Writes packets in the schema of the Zwicky Transient Facility (4.02) for tests, demonstrations and " +
    "benchmarks. The sky has variable stars, supernovae, active galaxies, asteroids and bogus detections; " +
    "histories, upper limits and forced photometry grow from alert to alert, and each packet carries image " +
    "stamps. The output gets its name when it is complete: a run that is killed leaves only PATH.partial, which " +
    "`kowalski ingest` does not read. With the same seed and as many packets a night, runs from different dates " +
    "on (--start) are of one survey of one sky; runs of the same night share candids, whatever the seed.",
  options,
  examples: [
    { line: "kowalski simulate --out night.tar.gz", help: `a night of ${DEFAULT_ALERTS} packets` },
    {
      line: "kowalski simulate --out month.tar.gz --alerts 60000 --nights 30",
      help: "a month in which supernovae rise and fall",
    },
    {
      line: "kowalski simulate --out next.tar.gz --start 2024-01-02",
      help: "the night after the first one",
    },
    {
      line: "kowalski simulate --out big.tar --alerts 2000000 --no-cutouts",
      help: "for tests of scale, without images",
    },
  ],
  async run(context) {
    const { out } = context.options;
    if (out === undefined) throw new UsageError("--out is missing: a folder, or a file that ends in .tar.gz");
    return write(out, context);
  },
});

async function write(out: string, { output, options: given, signal }: CommandContext<typeof options>) {
  const { OutputError, openOutput, simulate } = await import("../sources/simulator/index.ts");
  const wanted = {
    alerts: given.alerts,
    nights: given.nights ?? Math.ceil(given.alerts / ALERTS_A_NIGHT),
    seed: given.seed,
    start: given.start,
    cutouts: !given["no-cutouts"],
  } satisfies SimulationOptions;
  const packets = checked(() => simulate(wanted));
  const target = await openOutput(out, given.force).catch((error: unknown) => {
    if (error instanceof OutputError) throw new CommandError(error.message);
    throw new CommandError(`--out ${out}: ${error instanceof Error ? error.message : String(error)}`);
  });
  const progress = output.progress({ unit: "packets", total: given.alerts });
  const kinds: Record<string, number> = {};
  let count = 0;
  try {
    for (const packet of packets) {
      if (signal.aborted) break;
      await target.write(packet);
      kinds[packet.kind] = (kinds[packet.kind] ?? 0) + 1;
      progress.update({ count: ++count, bytes: target.bytes });
    }
    if (!signal.aborted) await target.finish();
  } catch (error) {
    await target.abandon();
    throw new CommandError(`--out ${out}: ${error instanceof Error ? error.message : String(error)}`);
  }
  progress.finish({ count, bytes: target.bytes });
  if (signal.aborted) {
    await target.abandon();
    output.line("stopped     before the end: nothing was left");
    return EXIT_FAILED;
  }
  output.json({ event: "summary", out, packets: count, bytes: target.bytes, nights: wanted.nights, kinds });
  output.line(
    `written     ${count} packets of ${nightsText(wanted.nights)} to ${out}, ${megabytes(target.bytes)} MB`,
  );
  for (const [kind, number] of Object.entries(kinds)) output.line(`            ${number} ${kind}`);
  return EXIT_DONE;
}

/** Runs what checks its options; what it objects to is a matter of the command line. */
function checked<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(`--${error.message}`) : error;
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function nightsText(nights: number): string {
  return nights === 1 ? "one night" : `${nights} nights`;
}
