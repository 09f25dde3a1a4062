/** `$densify`: documents in the gaps of a field's values. */
import { tick } from "../deadline.ts";
import { QueryError } from "../errors.ts";
import { addUnits, readUnit, type Unit } from "../expressions/dates/arithmetic.ts";
import { UTC } from "../expressions/dates/time-zones.ts";
import { followPath } from "../expressions/field-path.ts";
import { asDouble, widthOf } from "../expressions/numbers.ts";
import { addPair, mod, subtract } from "../expressions/operators/arithmetic.ts";
import { compareValues } from "../order.ts";
import { MemoryAccount, sizeOf } from "../pipeline/memory.ts";
import type { Flow, RunContext, Running } from "../pipeline/nodes.ts";
import type { StageDefinition } from "../pipeline/reader.ts";
import { type ValueKey, valueKey } from "../pipeline/value-key.ts";
import { compileKeyOrder, compileSortKey, type SortKey, type SortSpec } from "../sort.ts";
import { type Document, getField, isDocument, typeOf, type Value } from "../values.ts";
import { integerOf, readOptions, readPlainPath } from "./arguments.ts";
import { valueAt, withValueAt } from "./paths.ts";

/** The server's limit of documents that one stage makes. */
const MOST_GENERATED = 500_000;

export const densify: StageDefinition = {
  name: "$densify",
  summary: "Adds documents where the values of a field leave gaps wider than a step.",
  example: {
    stage: { $densify: { field: "t", range: { step: 1, bounds: "full" } } },
    documents: [{ t: 1 }, { t: 3 }],
    result: [{ t: 1 }, { t: 2 }, { t: 3 }],
  },
  parse(argument, at) {
    const options = readOptions(argument, at, ["field", "range"], ["partitionByFields"]);
    const range = readOptions(
      getField(options, "range") ?? null,
      `${at}.range`,
      ["step", "bounds"],
      ["unit"],
    );
    const unit = getField(range, "unit");
    const how: Densify = {
      at,
      field: readPlainPath(getField(options, "field"), `${at}.field`),
      partition: readFields(getField(options, "partitionByFields"), `${at}.partitionByFields`),
      ...readStep(range, unit === undefined ? undefined : readUnit(`${at}.range.unit`, unit), `${at}.range`),
    };
    if (how.bounds === "partition" && how.partition.length === 0)
      throw new QueryError("invalid", `${at}.range.bounds`, "partition needs partitionByFields; use full");
    return {
      at,
      pipelines: [],
      compile: () => ({ kind: "flow", run: (input, context) => densified(input, how, context) }),
    };
  },
};

type Path = readonly string[];

interface Densify {
  readonly at: string;
  readonly field: Path;
  readonly partition: readonly Path[];
  readonly step: Value;
  readonly unit: Unit | undefined;
  readonly bounds: "full" | "partition" | readonly [Value, Value];
}

function readFields(value: Value | undefined, at: string): string[][] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new QueryError("invalid", at, "needs an array of field names");
  return value.map((path, i) => readPlainPath(path, `${at}[${i}]`));
}

function readStep(
  range: Document,
  unit: Unit | undefined,
  at: string,
): Pick<Densify, "step" | "unit" | "bounds"> {
  const step = getField(range, "step") ?? null;
  if (widthOf(step) === 0 || compareValues(step, 0) <= 0)
    throw new QueryError("invalid", `${at}.step`, "needs a positive number");
  if (unit !== undefined && integerOf(step) === undefined)
    throw new QueryError("invalid", `${at}.step`, "a step in a unit of time must be an integer");
  const bounds = getField(range, "bounds") ?? null;
  if (bounds === "full" || bounds === "partition") return { step, unit, bounds };
  const fits = (value: Value) => (unit === undefined ? widthOf(value) !== 0 : value instanceof Date);
  if (!Array.isArray(bounds) || bounds.length !== 2 || !bounds.every(fits)) {
    const wanted = unit === undefined ? "two numbers" : "two dates";
    throw new QueryError("invalid", `${at}.bounds`, `needs full, partition or ${wanted} [lower, upper]`);
  }
  const [low, high] = bounds as [Value, Value];
  if (unit === undefined && new Set([low, high, step].map(typeOf)).size > 1)
    throw new QueryError("invalid", at, "the bounds and the step must be numbers of the same type");
  if (compareValues(low, high) > 0)
    throw new QueryError("invalid", `${at}.bounds`, "the lower bound lies above the upper");
  return { step, unit, bounds: [low, high] };
}

function* densified(input: Flow, how: Densify, context: RunContext): Running {
  const account = new MemoryAccount(how.at, context);
  // Gaps over all partitions are looked for along the field alone, so that the partitions mix.
  const partition = how.bounds === "full" ? [] : how.partition;
  const sort: SortSpec = [...partition, how.field].map((path) => [path.join("."), 1]);
  const keyOf = compileSortKey(sort);
  const order = compileKeyOrder(sort);
  const kept: { readonly document: Document; readonly key: SortKey }[] = [];
  for (const document of input) {
    if (document === undefined) {
      yield undefined;
      continue;
    }
    account.add(sizeOf(document));
    kept.push({ document, key: keyOf(document) });
  }
  kept.sort((a, b) => order(a.key, b.key));
  const gaps = new Gaps(how, account);
  for (const { document } of kept) yield* gaps.before(document);
  yield* gaps.rest();
}

/** The partition that a document belongs to. */
interface Series {
  /** With the partition's fields and no others. */
  readonly template: Document;
  /** The last value on a step. */
  last: Value;
}

/**
 * Finds gaps along sorted documents, in the way of the server: steps are counted from the least value of each
 * partition (or the lower bound), and a document that lies between two steps does not shift them.
 */
class Gaps {
  readonly #partitions = new Map<ValueKey, Series>();
  readonly #keys: readonly Path[];
  #left = MOST_GENERATED;
  /** The last value on a step in the partition at hand. */
  #current: Value | undefined;
  #least: Value | undefined;
  #greatest: Value | undefined;
  /** Whether no document was seen yet, or only such as lie below the bounds. */
  #below = true;
  #done = false;

  constructor(
    readonly how: Densify,
    readonly account: MemoryAccount,
  ) {
    this.#keys = how.partition;
  }

  /** Fills the gap before a document, and yields the document. */
  *before(document: Document): Running {
    const value = valueAt(document, this.how.field) ?? null;
    if (value === null || this.#done) {
      yield document;
      return;
    }
    checkValue(value, this.how);
    const { bounds } = this.how;
    if (typeof bounds !== "string") yield* this.#withinBounds(document, value, bounds);
    else if (bounds === "full") yield* this.#overAll(document, value);
    else yield* this.#withinPartition(document, value);
  }

  /** What comes behind the last document. */
  *rest(): Running {
    const { bounds, partition } = this.how;
    if (this.#done || bounds === "partition") return;
    if (typeof bounds !== "string") {
      const [low, high] = bounds;
      if (this.#partitions.size > 0) yield* this.#finish(high, low);
      else yield* this.#finishBounds(low, high);
      return;
    }
    if (partition.length === 0 || this.#greatest === undefined || this.#current === undefined) return;
    const onStep = isOnStep(this.#greatest, this.#current, this.how);
    yield* this.#finish(onStep ? this.#next(this.#greatest) : this.#greatest);
  }

  *#overAll(document: Document, value: Value): Running {
    this.#greatest = value;
    if (this.#least === undefined) {
      this.#least = this.#current = value;
      this.#remember(document, value);
      yield document;
      return;
    }
    if (this.#keys.length > 0) {
      const series = this.#series(document);
      // A partition begins at the least value of all.
      this.#current = series?.last ?? stepped(this.#least, -1, this.how);
      if (series === undefined) this.#remember(document, value);
    }
    yield* this.#upTo(document, value);
  }

  *#withinPartition(document: Document, value: Value): Running {
    const series = this.#series(document);
    if (series === undefined) {
      this.#remember(document, value);
      yield document;
      return;
    }
    this.#current = series.last;
    yield* this.#upTo(document, value);
  }

  /** Steps from the present one to a document's value. */
  *#upTo(document: Document, value: Value): Running {
    const next = this.#next(this.#current);
    const place = compareValues(value, next);
    if (place > 0) {
      yield* this.#generate(this.#template(document), next, value, (made) => this.#reach(document, made));
      if (compareValues(value, this.#next(this.#current)) === 0) this.#reach(document, value);
    } else if (place === 0) this.#reach(document, value);
    yield document;
  }

  *#withinBounds(document: Document, value: Value, [low, high]: readonly [Value, Value]): Running {
    const partitioned = this.#keys.length > 0;
    const isFirst = this.#below && this.#partitions.size === 0;
    if (partitioned && isFirst) this.#remember(document, value);
    if (partitioned && !this.#below) {
      const series = this.#series(document);
      if (series === undefined) {
        this.#remember(document, value);
        this.#current = undefined;
        this.#below = true;
      } else this.#current = series.last;
    }
    const place = compareValues(value, low);
    if (this.#below) {
      this.#current ??= stepped(low, -1, this.how);
      if (place > 0) yield* this.#above(document, value, high);
      else if (place === 0) {
        this.#below = false;
        this.#current = value;
      }
      yield document;
      return;
    }
    if (place <= 0) {
      if (place < 0) {
        this.#remember(document, value);
        this.#below = true;
      } else this.#reach(document, value);
      yield document;
      return;
    }
    const next = this.#next(this.#current);
    if (compareValues(value, high) >= 0) {
      if (compareValues(next, high) < 0) yield* this.#above(document, value, high);
      else {
        this.#current = next;
        if (partitioned) this.#remember(document, value);
        else this.#done = true;
      }
    } else {
      const order = compareValues(value, next);
      if (order > 0) yield* this.#above(document, value, high);
      else if (order === 0) this.#reach(document, value);
    }
    yield document;
  }

  /** Steps up to a value above the lower bound, as far as the upper one. */
  *#above(document: Document, value: Value, high: Value): Running {
    const next = this.#next(this.#current);
    if (compareValues(value, next) === 0) {
      this.#reach(document, next, value);
      return;
    }
    const end = compareValues(value, high) < 0 ? value : high;
    this.#below = false;
    yield* this.#generate(this.#template(document), next, end, (made) => this.#reach(document, made));
    if (isOnStep(value, this.#current ?? null, this.how)) this.#reach(document, value);
    if (compareValues(this.#current, high) >= 0 && this.#keys.length === 0) this.#done = true;
  }

  /** Documents from one value to before another; the first in any case. */
  *#generate(template: Document, from: Value, end: Value, made: (value: Value) => void): Running {
    checkTemplate(template, this.how);
    let value = from;
    do {
      tick();
      if (--this.#left < 0)
        throw new QueryError("limit", this.how.at, `makes more than ${MOST_GENERATED} documents`);
      made(value);
      yield withValueAt(template, this.how.field, value);
      value = this.#next(value);
    } while (compareValues(value, end) < 0);
  }

  *#finish(end: Value, low?: Value): Running {
    for (const { template, last } of this.#partitions.values()) {
      let next = this.#next(last);
      if (compareValues(next, end) >= 0) continue;
      if (low !== undefined && compareValues(next, low) < 0) next = low;
      yield* this.#generate(template, next, end, () => {});
    }
  }

  *#finishBounds(low: Value, high: Value): Running {
    const from = this.#current === undefined ? low : this.#next(this.#current);
    if (this.#current !== undefined && compareValues(from, high) >= 0) return;
    yield* this.#generate({}, from, high, () => {});
  }

  #next(value: Value | undefined): Value {
    return stepped(value ?? null, 1, this.how);
  }

  #reach(document: Document, value: Value, seen = value): void {
    this.#current = value;
    this.#remember(document, seen);
  }

  #template(document: Document): Document {
    let template: Document = {};
    for (const path of this.#keys) {
      // A missing value leaves the objects on the way to it.
      template = withValueAt(template, path, followPath(document, path));
    }
    return template;
  }

  #series(document: Document): Series | undefined {
    return this.#partitions.get(valueKey(this.#template(document)));
  }

  #remember(document: Document, value: Value): void {
    if (this.#keys.length === 0) return;
    const template = this.#template(document);
    const key = valueKey(template);
    const series = this.#partitions.get(key);
    if (series === undefined) {
      this.account.add(2 * sizeOf(template));
      this.#partitions.set(key, { template, last: value });
    } else series.last = value;
  }
}

/** The field is set beside those of the partition: they must leave room for it. */
function checkTemplate(template: Document, { field, at }: Densify): void {
  let value: Value | undefined = template;
  for (const part of field) {
    value = isDocument(value) ? getField(value, part) : null;
    if (value === undefined) return;
  }
  throw new QueryError("runtime", at, "the partition's fields stand in the way of the field");
}

function checkValue(value: Value, { unit, at }: Densify): void {
  const fits = unit === undefined ? widthOf(value) !== 0 : value instanceof Date;
  if (fits) return;
  throw new QueryError(
    "runtime",
    at,
    unit === undefined ? "needs numbers (dates need a unit)" : "needs dates",
  );
}

/** A value one step later, or earlier. */
function stepped(value: Value, direction: 1 | -1, { unit, step, at }: Densify): Value {
  if (unit !== undefined && value instanceof Date)
    return addUnits(at, value, unit, BigInt(direction) * (integerOf(step) ?? 1n), UTC);
  return direction === 1 ? addPair(at, value, step) : subtract(at, value, step);
}

/** Whether a value is a whole number of steps from another. */
function isOnStep(value: Value, from: Value, how: Densify): boolean {
  const { unit, step, at } = how;
  if (unit === undefined) return asDouble(mod(at, subtract(at, value, from), step)) === 0;
  if (!(value instanceof Date && from instanceof Date)) return false;
  if (unit !== "month" && unit !== "quarter" && unit !== "year") {
    const epoch = new Date(0);
    const length = (stepped(epoch, 1, how) as Date).getTime();
    return (value.getTime() - from.getTime()) % length === 0;
  }
  let date = from;
  while (date < value) {
    tick();
    date = stepped(date, 1, how) as Date;
  }
  return date.getTime() === value.getTime();
}
