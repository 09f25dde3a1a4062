/** Runs many random cases on a real server and on our engine, and collects where they differ. */
import { type Document, isDocument, setField, type Value } from "../../../src/query/index.ts";
import type { AggregateQuery, Case, Outcome, Query } from "./cases.ts";
import { operatorsIn } from "./cases.ts";
import { runOnEngine } from "./engine.ts";
import { KINDS } from "./kinds.ts";
import { Random } from "./random.ts";
import { isFault, isListed } from "./refusals.ts";
import { isPipeline, OracleServer, type Slot } from "./server.ts";
import { shrink } from "./shrink.ts";
import { identical, printValue } from "./wire.ts";

/** Cases over the same documents. */
export const BATCH = 40;
const SLOTS = 4;

export interface Difference {
  /** `--seed` with which the batch comes again. */
  readonly seed: number;
  readonly smallest: Case;
  readonly server: Outcome;
  readonly ours: Outcome;
}

export interface Report {
  /** Version of the server. */
  readonly server: string;
  cases: number;
  /** Cases to which both sides gave an answer (not an error). */
  answered: number;
  /** One for each set of operators whose cases differ. */
  readonly differences: Difference[];
  /** How often cases with a set of operators differed. */
  readonly signatures: Map<string, number>;
  /** How often each operator stood in a case that both sides answered. */
  readonly operators: Map<string, number>;
  /** How often our engine deliberately refused what the server answers, by reason. */
  readonly refusals: Map<string, number>;
}

export interface CampaignOptions {
  readonly url: string;
  readonly cases: number;
  readonly seed: number;
  readonly kinds?: readonly string[];
  readonly maxDifferences: number;
  readonly progress?: (report: Report) => void;
}

/** Runs the batches `seed`, `seed + 1`, … until there were so many cases, or too many differences. */
export async function runCampaign(options: CampaignOptions): Promise<Report> {
  await using server = new OracleServer(options.url, 2 * SLOTS);
  const report: Report = {
    server: await server.prepare(),
    cases: 0,
    answered: 0,
    differences: [],
    signatures: new Map(),
    operators: new Map(),
    refusals: new Map(),
  };
  const batches = Math.ceil(options.cases / BATCH);
  let next = 0;
  const work = async () => {
    const slot = await server.slot();
    while (next < batches && report.differences.length < options.maxDifferences) {
      await runBatch(slot, options.seed + next++, options, report);
      options.progress?.(report);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: SLOTS }, work));
  for (const worker of ended) if (worker.status === "rejected") throw worker.reason;
  return report;
}

async function runBatch(slot: Slot, seed: number, options: CampaignOptions, report: Report) {
  const random = new Random(seed);
  const kind = random.pick(options.kinds ?? Object.keys(KINDS));
  const make = KINDS[kind];
  if (make === undefined) throw new Error(`unknown kind ${kind}; known are ${Object.keys(KINDS).join(", ")}`);
  const documents = make.documents(random, random.int(4, 12));
  const other = make.documents(random, 4, 100);
  const cases = Array.from(
    { length: BATCH },
    (): Case => ({
      query: make.query(random, documents),
      documents,
      other,
      ...(make.indexed && { indexed: true }),
    }),
  );
  const contents = { documents, other, ...(make.indexed && { indexed: true }) };
  await slot.fill(contents);
  const answers = await Promise.all(cases.map(({ query }) => slot.run(query)));
  for (const [i, tried] of cases.entries()) {
    const server = answers[i] as Outcome;
    const ours = engineOutcome(tried);
    count(report, tried, server, ours);
    if (agree(tried.query, server, ours) || (await agreesAsWritten(slot, tried, ours))) continue;
    const difference = await explain(slot, seed, tried);
    const alike = [...operatorsIn(difference.smallest.query)].sort().join(" ");
    report.signatures.set(alike, (report.signatures.get(alike) ?? 0) + 1);
    if (report.signatures.get(alike) === 1) report.differences.push(difference);
    if (report.differences.length >= options.maxDifferences) return;
    await slot.fill(contents);
  }
}

function engineOutcome(tried: Case): Outcome {
  try {
    return runOnEngine(tried);
  } catch (error) {
    return { error: `BUG ${error instanceof Error ? error.stack : error}`, refused: false };
  }
}

function count(report: Report, tried: Case, server: Outcome, ours: Outcome) {
  report.cases++;
  if ("documents" in server && "documents" in ours) {
    report.answered++;
    for (const name of operatorsIn(tried.query))
      report.operators.set(name, (report.operators.get(name) ?? 0) + 1);
  } else if ("documents" in server && "error" in ours && ours.refused) {
    const reason = ours.error.replace(/^.*?: /, "");
    report.refusals.set(reason, (report.refusals.get(reason) ?? 0) + 1);
  }
}

/**
 * Whether two outcomes agree: the same documents, or an error on both sides; a listed refusal, or a fault of the server, agrees
 * with all.
 */
export function agree(query: Query, server: Outcome, ours: Outcome): boolean {
  if ("error" in ours)
    return !ours.error.startsWith("BUG") && ("error" in server || (ours.refused && isListed(ours.error)));
  if ("error" in server) return isFault(server.error, query);
  const anyOrder = query.anyOrder === true;
  const [theirs, mine] = [server, ours].map(({ documents }) =>
    anyOrder ? inTextOrder(documents) : documents,
  );
  // Distances on the sphere are not the same to the last bit.
  const tolerance = operatorsIn(query).has("$geoNear") ? 1e-9 : 0;
  if (identical(theirs as Value[], mine as Value[], tolerance)) return true;
  if (query.kind !== "aggregate" || !fieldsMayMove(query)) return false;
  const ordered = [server, ours].map(({ documents }) => documents.map(withOrderedFields) as Document[]);
  const [a, b] = anyOrder ? ordered.map(inTextOrder) : ordered;
  return identical(a as Value[], b as Value[], tolerance);
}

/**
 * Whether fields may come in another order: the server puts one that is dropped, or comes out missing, and is
 * set again where it stood before, and those of one `$setWindowFields` in no certain order; ours puts names that
 * are integers first, which shows in the pairs of `$objectToArray`.
 */
function fieldsMayMove(query: AggregateQuery): boolean {
  const operators = operatorsIn(query);
  return (
    hasSeveralStages(query.pipeline) ||
    ["$setField", "$setWindowFields", "$fill", "$objectToArray"].some((name) => operators.has(name))
  );
}

/** Whether a pipeline, or one inside it, has several stages. */
function hasSeveralStages(value: unknown): boolean {
  if (Array.isArray(value)) return (value.length > 1 && isPipeline(value)) || value.some(hasSeveralStages);
  return isDocument(value) && Object.values(value).some(hasSeveralStages);
}

/**
 * Whether our answer is that of the server to the pipeline as it is written. What the server makes of it by
 * moving stages decides which of several errors is met, and is wrong now and then; and a projection can leave holes
 * in arrays, which the next stage counts, but which are gone once the documents are stored.
 */
async function agreesAsWritten(slot: Slot, { query, ...contents }: Case, ours: Outcome): Promise<boolean> {
  if (query.kind !== "aggregate") return false;
  if (agree(query, await slot.run(query, true), ours)) return true;
  return query.pipeline.length > 1 && agree(query, await slot.runInSteps(query, contents), ours);
}

/** Fields by name, and so the pairs that `$objectToArray` makes of them. */
function withOrderedFields(value: Value): Value {
  if (Array.isArray(value)) {
    const items = value.map(withOrderedFields);
    return items.every(isPair) ? items.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)) : items;
  }
  if (!isDocument(value)) return value;
  const ordered: Document = {};
  for (const name of Object.keys(value).sort())
    setField(ordered, name, withOrderedFields(value[name] ?? null));
  return ordered;
}

function isPair(item: Value): boolean {
  return isDocument(item) && typeof item["k"] === "string" && Object.keys(item).join() === "k,v";
}

function nameOf(pair: Value): string {
  return isDocument(pair) ? String(pair["k"]) : "";
}

function inTextOrder(documents: readonly Document[]): Document[] {
  const texts = documents.map((document) => ({ document, text: printValue(document) }));
  return texts.sort((a, b) => (a.text < b.text ? -1 : 1)).map(({ document }) => document);
}

async function explain(slot: Slot, seed: number, tried: Case): Promise<Difference> {
  const both = async (smaller: Case) => {
    await slot.fill(smaller);
    return { server: await slot.run(smaller.query), ours: engineOutcome(smaller) };
  };
  const smallest = await shrink(tried, async (smaller) => {
    // A smaller position may be none that an index takes.
    const outcomes = await both(smaller).catch(() => undefined);
    if (outcomes === undefined) return false;
    const { server, ours } = outcomes;
    return !agree(smaller.query, server, ours) && !(await agreesAsWritten(slot, smaller, ours));
  });
  return { seed, smallest, ...(await both(smallest)) };
}

/** A difference as people read it. */
export function describeDifference({ seed, smallest, server, ours }: Difference): string {
  const { kind: _, ...query } = smallest.query;
  const lines = [
    `seed ${seed}`,
    `  query:     ${printValue(query as unknown as Value)}`,
    ...smallest.documents.map((document) => `  document:  ${printValue(document)}`),
    ...smallest.other.map((document) => `  other:     ${printValue(document)}`),
    `  server:    ${printOutcome(server)}`,
    `  ours:      ${printOutcome(ours)}`,
  ];
  return lines.join("\n");
}

export function printOutcome(outcome: Outcome): string {
  return "error" in outcome
    ? `error ${outcome.error}`
    : outcome.documents.map(printValue).join(" ") || "nothing";
}

/** Cases, operators covered and refusals, for people. */
export function describeReport(report: Report, seed: number): string {
  const list = (counts: ReadonlyMap<string, number>) => [...counts].sort(([, a], [, b]) => b - a);
  return [
    `operators: ${list(report.operators)
      .map(([name, n]) => `${name} ${n}`)
      .join(", ")}`,
    ...list(report.refusals).map(([reason, n]) => `refused ${n} times: ${reason}`),
    `${report.cases} cases (${report.answered} answered, server ${report.server}), seed ${seed}: ${report.differences.length} differences, ${report.operators.size} operators`,
  ].join("\n");
}
