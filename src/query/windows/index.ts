/** The registry of window functions: those of their own kind, and the accumulators. */
import { ACCUMULATORS } from "../accumulators/index.ts";
import { readN } from "../accumulators/n.ts";
import { QueryError } from "../errors.ts";
import type { PipelineReader } from "../pipeline/reader.ts";
import { didYouMean } from "../suggest.ts";
import { isDocument, type Value } from "../values.ts";
import { overWindows } from "./accumulate.ts";
import { readWindow } from "./bounds.ts";
import { derivative, expMovingAvg, integral } from "./change.ts";
import { covariancePop, covarianceSamp } from "./covariance.ts";
import { linearFill, locf } from "./filling.ts";
import { denseRank, documentNumber, rank, shift } from "./ranks.ts";
import type { Evaluated, WindowContext, WindowFunctionDefinition } from "./window.ts";

export type { Evaluated, Partition, WindowFunctionDefinition } from "./window.ts";

const DEFINITIONS: readonly WindowFunctionDefinition[] = [
  covariancePop,
  covarianceSamp,
  denseRank,
  derivative,
  documentNumber,
  expMovingAvg,
  integral,
  linearFill,
  locf,
  rank,
  shift,
];

export const WINDOW_FUNCTIONS: ReadonlyMap<string, WindowFunctionDefinition> = new Map(
  DEFINITIONS.map((definition) => [definition.name, definition]),
);

/** Reads `{$function: argument, window: …}` of an output field. */
export function readWindowFunction(
  value: Value,
  at: string,
  context: Pick<WindowContext, "reader" | "sortBy">,
): () => Evaluated {
  if (!isDocument(value)) throw new QueryError("invalid", at, "needs an object {$function: …, window: …}");
  const names = Object.keys(value);
  const functions = names.filter((name) => name.startsWith("$"));
  const other = names.find((name) => !name.startsWith("$") && name !== "window");
  if (other !== undefined) throw new QueryError("invalid", `${at}.${other}`, "only window may stand here");
  const [name] = functions;
  if (name === undefined || functions.length > 1)
    throw new QueryError("invalid", at, "needs exactly one window function");
  const full: WindowContext = { ...context, at, window: value["window"] };
  const argument = value[name] ?? null;
  const where = `${at}.${name}`;
  const own = WINDOW_FUNCTIONS.get(name);
  if (own !== undefined) return own.parse(argument, where, full);
  const accumulator = ACCUMULATORS.get(name);
  if (accumulator === undefined || accumulator.inWindows === false) {
    const known = [...WINDOW_FUNCTIONS.keys(), ...ACCUMULATORS.keys()];
    throw new QueryError("invalid", where, `unknown window function${didYouMean(name, known)}`);
  }
  const window = readWindow(full);
  checkN(argument, where, context.reader);
  const parsed = accumulator.parse(argument, where, context.reader);
  return () => overWindows(name, parsed.compile(), window, where);
}

/** There is no group whose key could say how many: here `n` is worked out of nothing, beforehand. */
function checkN(argument: Value, at: string, reader: PipelineReader): void {
  const n = isDocument(argument) ? argument["n"] : undefined;
  if (n === undefined || !isDocument(argument) || Object.keys(argument)[0]?.startsWith("$")) return;
  readN(reader.expression(n, `${at}.n`).compile()({}, new Map()), `${at}.n`);
}
