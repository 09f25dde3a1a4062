/**
 * Filters on alerts joined with their histories: compiled, in mingo, on a mongod one alert at a time, and on
 * a mongod 1,000 alerts at a time, in one run; then 1,000 different filters at once.
 *
 * `bun bench/filters.ts`; a mongod is found as tests find it. Ratios count, not the figures of one machine.
 */
import { Double } from "bson";
import { Aggregator } from "mingo";
import { MongoClient } from "mongodb";
import { compileFilter, type Document, isDocument, parsePipeline, type Value } from "../src/query/index.ts";
import { realAlerts, simulatedAlerts } from "../test/query/filters/alerts.ts";
import { type SurveyFilter, surveyFilters } from "../test/query/filters/index.ts";
import { testDatabaseName, testMongod } from "../test/support/mongod.ts";

const BATCH = 1000;
const ACTIVE = 1000;

/** CPU time of this process, microseconds: what others do on the machine does not count. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU time of this thread, microseconds: without that of the threads that optimise code beside it. */
function threadCpu(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Milliseconds of this thread to read and compile each of these pipelines, and what was compiled. */
function compileAll(pipelines: readonly (readonly Document[])[]) {
  const times: number[] = [];
  const compiled = pipelines.map((pipeline) => {
    const start = threadCpu();
    const evaluate = compileFilter(parsePipeline([...pipeline]));
    times.push((threadCpu() - start) / 1000);
    return evaluate;
  });
  return { times, compiled };
}

/** Warms `work` up, runs it for about `milliseconds` and answers CPU microseconds per call. */
function microseconds(milliseconds: number, calls: number, work: () => void): number {
  const repeat = (): number => {
    const start = cpu();
    let rounds = 0;
    do {
      work();
      rounds++;
    } while (cpu() - start < milliseconds * 1000);
    return (cpu() - start) / (rounds * calls);
  };
  repeat();
  return repeat();
}

/** Documents as mingo knows them: JavaScript numbers throughout. */
function plain(value: Value | undefined): unknown {
  if (value instanceof Double) return value.value;
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (!isDocument(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

interface Row {
  readonly name: string;
  readonly passed: number;
  readonly compiled: number;
  readonly mingo: number | undefined;
  readonly single: number | undefined;
  readonly batched: number | undefined;
}

// Before anything else, so that nothing of the compiler is warm.
const cold = compileAll(surveyFilters.map(({ pipeline }) => pipeline)).times;
const alerts = realAlerts();
const documents = alerts.length > 0 ? alerts : simulatedAlerts(40);
const copies = Array.from({ length: BATCH }, (_, i) => ({ ...documents[i % documents.length], _id: i }));
const plainDocuments = documents.map(plain) as Document[];
const found = await testMongod();
const client = typeof found === "string" ? undefined : new MongoClient(found.url);
const collection = client?.db(testDatabaseName()).collection("joined");
await collection?.insertMany(copies.map((document) => ({ ...document, _id: document._id as never })));

function compiledTime(filter: SurveyFilter): { compiled: number; passed: number } {
  const evaluate = compileFilter(parsePipeline(filter.pipeline));
  const passed = documents.filter((document) => evaluate(document) !== undefined).length;
  // Long enough for the engine to have optimised the longest of them.
  const compiled = microseconds(1500, documents.length, () => {
    for (const document of documents) evaluate(document);
  });
  return { compiled, passed };
}

function mingoTime({ pipeline }: SurveyFilter): number | undefined {
  try {
    const aggregator = new Aggregator(pipeline.map((stage) => ({ ...stage })));
    return microseconds(200, plainDocuments.length, () => {
      for (const document of plainDocuments) aggregator.run([document]);
    });
  } catch {
    // It has no operators on positions, for one.
    return undefined;
  }
}

/** CPU time of the server and of this process, its client, microseconds. */
async function serverCpu(): Promise<number> {
  const status = await client?.db("admin").command({ serverStatus: 1 });
  const { user_time_us, system_time_us } = status?.["extra_info"] ?? {};
  return Number(user_time_us) + Number(system_time_us) + cpu();
}

async function serverTimes({ pipeline }: SurveyFilter): Promise<{ single?: number; batched?: number }> {
  if (collection === undefined) return {};
  const run = (ids: Document) => collection.aggregate([{ $match: ids }, ...pipeline]).toArray();
  for (let i = 0; i < 50; i++) await run({ _id: i });
  let start = await serverCpu();
  for (let i = 0; i < 150; i++) await run({ _id: i });
  const single = ((await serverCpu()) - start) / 150;
  start = await serverCpu();
  for (let i = 0; i < 3; i++) await run({});
  const batched = ((await serverCpu()) - start) / (3 * BATCH);
  return { single, batched };
}

const rows: Row[] = [];
for (const filter of surveyFilters) {
  const { compiled, passed } = compiledTime(filter);
  const { single, batched } = await serverTimes(filter);
  rows.push({ name: filter.name, passed, compiled, mingo: mingoTime(filter), single, batched });
}

const figure = (value: number | undefined) =>
  (value === undefined ? "-" : value.toFixed(value < 10 ? 2 : 0)).padStart(9);
const ratio = (value: number | undefined, compiled: number) =>
  (value === undefined ? "-" : `${(value / compiled).toFixed(0)} x`).padStart(9);

console.log(
  `${documents.length} ${alerts.length > 0 ? "real" : "simulated"} alerts with histories; CPU microseconds per alert, and times the compiled filter`,
);
console.log(
  [
    "filter".padEnd(32),
    "passed",
    " compiled",
    "    mingo",
    "   single",
    "  batched",
    "    mingo",
    "   single",
    "  batched",
  ].join(" "),
);
for (const { name, passed, compiled, mingo, single, batched } of rows) {
  const cells = [figure(compiled), figure(mingo), figure(single), figure(batched)];
  const ratios = [ratio(mingo, compiled), ratio(single, compiled), ratio(batched, compiled)];
  console.log([name.slice(0, 32).padEnd(32), String(passed).padStart(6), ...cells, ...ratios].join(" "));
}
const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const mean = (of: (row: Row) => number | undefined) => {
  const values = rows.map(of).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : average(values);
};
const all = mean((row) => row.compiled) ?? 1;
const means = [mean((row) => row.mingo), mean((row) => row.single), mean((row) => row.batched)];
console.log(
  [
    "all".padEnd(32),
    " ".repeat(6),
    figure(all),
    ...means.map(figure),
    ...means.map((value) => ratio(value, all)),
  ].join(" "),
);

/** The same filter with other limits, so that its code is another. */
function varied(value: Value, factor: number): Value {
  if (typeof value === "number" && !Number.isInteger(value)) return value * factor;
  if (Array.isArray(value)) return value.map((item) => varied(item, factor));
  if (!isDocument(value)) return value;
  const copy: Document = {};
  for (const [name, field] of Object.entries(value))
    if (field !== undefined) copy[name] = varied(field, factor);
  return copy;
}

const megabytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
const stream = simulatedAlerts(20);

/** Compiles many filters, runs all of them on each alert, and prints what that takes. */
function printActive(title: string, pipelines: readonly (readonly Document[])[]): void {
  Bun.gc(true);
  const before = process.memoryUsage();
  const { times, compiled } = compileAll(pipelines);
  Bun.gc(true);
  const compiledOnly = process.memoryUsage();
  let matches = 0;
  const perEvaluation = microseconds(3000, stream.length * ACTIVE, () => {
    for (const alert of stream) for (const evaluate of compiled) if (evaluate(alert) !== undefined) matches++;
  });
  Bun.gc(true);
  const after = process.memoryUsage();
  console.log(
    `${title}: ${perEvaluation.toFixed(2)} µs per filter and simulated alert, ${Math.round(1e6 / perEvaluation).toLocaleString("en")} evaluations per second and core (${matches} matches); ` +
      `compiling ${average(times).toFixed(2)} ms CPU a filter; resident memory ${megabytes(compiledOnly.rss - before.rss)} MB compiled, ${megabytes(after.rss - before.rss)} MB after running`,
  );
}

console.log(
  `compiling in a new process: ${average(cold).toFixed(2)} ms CPU a filter (the first ${(cold[0] ?? 0).toFixed(2)} ms)`,
);
const pipelines = Array.from({ length: ACTIVE }, (_, i) => {
  const filter = surveyFilters[i % surveyFilters.length] as SurveyFilter;
  return varied([...filter.pipeline], 1 + i / 1e6) as Document[];
});
printActive(`${ACTIVE} active filters with thresholds of their own`, pipelines);
// Filters that differ by more than numbers share no code.
printActive(
  `${ACTIVE} active filters with fields of their own too`,
  pipelines.map((pipeline, i) => [...pipeline, { $addFields: { [`own_${i}`]: "$objectId" } }]),
);
await client?.db(collection?.dbName).dropDatabase();
await client?.close();
