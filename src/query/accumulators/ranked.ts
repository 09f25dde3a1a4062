/** The first and last in an order of their own: `$top`, `$bottom`, `$topN`, `$bottomN`. */
import { QueryError } from "../errors.ts";
import { followPath } from "../expressions/field-path.ts";
import { type MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import { compileKeyOrder, parseSort, type SortKey } from "../sort.ts";
import { readOptions } from "../stages/arguments.ts";
import { type Document, getField, isDocument, type Value } from "../values.ts";
import { type Accumulator, type AccumulatorDefinition, Ranked } from "./accumulator.ts";
import { readN } from "./n.ts";

type Order = (a: SortKey, b: SortKey) => number;

/** Keeps the first `n` in order, or the last `n`; of equal ones the earlier, which are first, unless `latest`. */
function rankedOf(
  n: number,
  order: Order,
  fromEnd: boolean,
  account: MemoryAccount,
  latest: boolean,
): Ranking {
  const kept: Ranked[] = [];
  return {
    kept,
    add(input) {
      if (!(input instanceof Ranked)) return;
      const least = kept[fromEnd ? 0 : n - 1];
      if (kept.length >= n && least !== undefined) {
        const place = order(input.key, least.key);
        if (fromEnd ? place < 0 || (place === 0 && !latest) : place >= 0) return;
      }
      let at = kept.length;
      while (at > 0 && order(input.key, (kept[at - 1] as Ranked).key) < 0) at--;
      account.keep(input.output);
      kept.splice(at, 0, input);
      if (kept.length <= n) return;
      const dropped = fromEnd ? kept.shift() : kept.pop();
      account.add(-sizeOf(dropped?.output));
    },
    result: () => kept.map(({ output }) => output),
  };
}

interface Ranking extends Accumulator {
  readonly kept: readonly Ranked[];
}

/** Paths are those of expressions: an array sorts as a whole, but for an empty one, which comes before null. */
function keyPart(value: Value | undefined): Value | undefined {
  return Array.isArray(value) && value.length === 0 ? undefined : (value ?? null);
}

function parse(fromEnd: boolean, many: boolean): AccumulatorDefinition["parse"] {
  return (argument, at, reader) => {
    const options = readOptions(argument, at, many ? ["n", "sortBy", "output"] : ["sortBy", "output"]);
    const sortBy = getField(options, "sortBy") ?? null;
    if (!isDocument(sortBy))
      throw new QueryError("invalid", `${at}.sortBy`, "needs an object {path: 1 or -1}");
    const specification = parseSort(sortBy, `${at}.sortBy`);
    const output = reader.expression(getField(options, "output") ?? null, `${at}.output`);
    const n = many ? reader.expression(getField(options, "n") ?? null, `${at}.n`) : undefined;
    return {
      compile() {
        const paths = specification.map(([path]) => path.split("."));
        const keyOf = (document: Document): SortKey =>
          paths.map((parts) => keyPart(followPath(document, parts)));
        const order = compileKeyOrder(specification);
        const evaluate = output.compile();
        const evaluateN = n?.compile();
        return {
          input: (document, variables) => new Ranked(keyOf(document), evaluate(document, variables) ?? null),
          start(group, variables, account, moving = false) {
            const most = evaluateN === undefined ? 1 : readN(evaluateN(group, variables), `${at}.n`);
            const ranking = rankedOf(most, order, fromEnd, account, moving);
            return many ? ranking : { ...ranking, result: (): Value => ranking.kept[0]?.output ?? null };
          },
        };
      },
    };
  };
}

const DOCUMENTS = [
  { name: "a", mag: 19 },
  { name: "b", mag: 17 },
  { name: "c", mag: 18 },
];

function define(
  name: string,
  summary: string,
  many: boolean,
  fromEnd: boolean,
  result: Value,
): AccumulatorDefinition {
  const argument = { ...(many ? { n: 2 } : {}), sortBy: { mag: 1 }, output: "$name" };
  return {
    name,
    summary,
    example: { argument, documents: DOCUMENTS, result },
    parse: parse(fromEnd, many),
  };
}

export const top = define("$top", "What the first document in an order shows.", false, false, "b");
export const bottom = define("$bottom", "What the last document in an order shows.", false, true, "a");
export const topN = define("$topN", "What the first `n` documents in an order show.", true, false, [
  "b",
  "c",
]);
export const bottomN = define("$bottomN", "What the last `n` documents in an order show.", true, true, [
  "c",
  "a",
]);
