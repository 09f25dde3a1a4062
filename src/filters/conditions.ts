/**
 * Leading conditions of filters, shared: many filters begin with the same `$match` on the alert, so each
 * distinct condition is compiled once and evaluated at most once per alert, those on the object's record at most
 * once per alert and permission set.
 */
import {
  compileMatchNode,
  type Document,
  isDocument,
  type MatchNode,
  matchConjuncts,
  parseMatch,
  printJson,
  walkMatch,
} from "../query/index.ts";
import { type Interval, intervalOf, numberAt } from "./intervals.ts";

/** A condition's memory: not evaluated for this document, false, true. */
const UNKNOWN = 0;
const FALSE = 1;
const TRUE = 2;
/** What stands at a path of this document: not read, a number or nothing, anything else. */
const UNREAD = 0;
const NUMBER = 1;
const OTHER = 2;
/** Compiled conditions that are kept; filters come and go. */
const MOST_KNOWN = 20_000;

/** A condition of a leading `$match`. */
export interface LeadingCondition {
  readonly text: string;
  readonly test: (document: Document) => boolean;
  /** What it comes to where a number stands at its path. */
  readonly interval: Interval | undefined;
}

/** What a leading `$match` consists of. */
export interface LeadingConditions {
  /** Those on the alert alone, which filters of any permissions share. */
  readonly ofAlert: readonly LeadingCondition[];
  /** Those that need the object's record. */
  readonly ofRecord: readonly LeadingCondition[];
  /** Whether that is all of the `$match`. */
  readonly complete: boolean;
}

/** Compiles each distinct condition once, for all filters of a thread. */
export class ConditionCompiler {
  readonly #known = new Map<string, LeadingCondition>();

  /**
   * The conditions of a leading `$match`. Those that must be evaluated with their filter (`$expr`,
   * `$sampleRate`) are left out. `joinedFields` are those that need the object's record.
   */
  conditionsOf(filter: Document, joinedFields: ReadonlySet<string>): LeadingConditions {
    const parts = conjunctsOf(filter);
    const shared = parts.filter((part) => !isOfItsOwn(part));
    const needsRecord = (part: Document) => mentions(part, joinedFields);
    return {
      ofAlert: shared.filter((part) => !needsRecord(part)).map((part) => this.#compile(part)),
      ofRecord: shared.filter(needsRecord).map((part) => this.#compile(part)),
      complete: shared.length === parts.length,
    };
  }

  #compile(part: Document): LeadingCondition {
    const text = printJson(part);
    let condition = this.#known.get(text);
    if (condition === undefined) {
      const node = parseMatch(part, "$match");
      condition = { text, test: compiledLate(node), interval: intervalOf(node) };
      if (this.#known.size >= MOST_KNOWN) this.#known.clear();
      this.#known.set(text, condition);
    }
    return condition;
  }
}

/** Most conditions are intervals and never need the code of their test. */
function compiledLate(node: MatchNode): LeadingCondition["test"] {
  let test: LeadingCondition["test"] | undefined;
  return (document) => {
    test ??= compileMatchNode(node);
    return test(document);
  };
}

/** The conditions of some filters on one document after the other, each evaluated at most once. */
export class SharedConditions {
  readonly #numbers = new Map<string, number>();
  readonly #tests: LeadingCondition["test"][] = [];
  readonly #pathNumbers = new Map<string, number>();
  readonly #paths: Interval["parts"][] = [];
  #document: Document = {};
  /** By condition. */
  readonly #known: number[] = [];
  /** By path. */
  readonly #found: number[] = [];
  readonly #values: number[] = [];

  /** The number that stands for a condition in `holds`. */
  numberOf({ text, test }: LeadingCondition): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#tests.push(test) - 1;
      this.#numbers.set(text, number);
      this.#known.push(UNKNOWN);
    }
    return number;
  }

  /** The number that stands for a path in `within`. */
  pathNumber({ parts }: Interval): number {
    const key = parts.join(".");
    let number = this.#pathNumbers.get(key);
    if (number === undefined) {
      number = this.#paths.push(parts) - 1;
      this.#pathNumbers.set(key, number);
      this.#found.push(UNREAD);
      this.#values.push(Number.NaN);
    }
    return number;
  }

  /** Turns to another document. */
  begin(document: Document): void {
    this.#known.fill(UNKNOWN);
    this.#found.fill(UNREAD);
    this.#document = document;
  }

  /** Whether the document meets a condition. */
  holds(number: number): boolean {
    const known = this.#known[number];
    if (known !== UNKNOWN) return known === TRUE;
    const holds = this.#tests[number]?.(this.#document) === true;
    this.#known[number] = holds ? TRUE : FALSE;
    return holds;
  }

  /** Whether the document meets a condition that is an interval at a path. */
  within(number: number, path: number, low: number, high: number): boolean {
    const found = this.#found[path] || this.#read(path);
    if (found === OTHER) return this.holds(number);
    const value = this.#values[path] ?? Number.NaN;
    return value >= low && value <= high;
  }

  /** Reads what stands at a path; what is no number is NaN, which is in no interval. */
  #read(path: number): number {
    const value = numberAt(this.#document, this.#paths[path] ?? []);
    const found = value === null ? OTHER : NUMBER;
    this.#values[path] = value ?? Number.NaN;
    this.#found[path] = found;
    return found;
  }
}

/** Conditions of a screen's items lie behind each other: a thousand items are a walk through a few pages of memory. */
export class Screen<T> {
  readonly #items: T[] = [];
  /** Where the conditions of each item end. */
  readonly #ends: number[] = [];
  /** By place: the condition's number, and the path (or −1) and limits of its interval. */
  #numbers = new Int32Array(64);
  #paths = new Int32Array(64);
  #lows = new Float64Array(64);
  #highs = new Float64Array(64);

  constructor(readonly conditions: SharedConditions) {}

  /** Adds an item that passes when all of these conditions hold. */
  add(item: T, conditions: readonly LeadingCondition[]): void {
    let place = this.#ends.at(-1) ?? 0;
    if (place + conditions.length > this.#numbers.length) this.#grow(2 * (place + conditions.length));
    for (const condition of conditions) {
      const { interval } = condition;
      this.#numbers[place] = this.conditions.numberOf(condition);
      this.#paths[place] = interval === undefined ? -1 : this.conditions.pathNumber(interval);
      this.#lows[place] = interval?.low ?? Number.NaN;
      this.#highs[place] = interval?.high ?? Number.NaN;
      place++;
    }
    this.#items.push(item);
    this.#ends.push(place);
  }

  /** The items whose conditions the present document meets. */
  passing(): T[] {
    const passing: T[] = [];
    let start = 0;
    for (let i = 0; i < this.#ends.length; i++) {
      const end = this.#ends[i] ?? 0;
      const failed = this.#firstFailure(start, end);
      if (failed === end) passing.push(this.#items[i] as T);
      // What rejects comes to be asked before what does not.
      else if (failed > start) this.#swap(failed - 1, failed);
      start = end;
    }
    return passing;
  }

  #firstFailure(start: number, end: number): number {
    for (let place = start; place < end; place++) {
      const number = this.#numbers[place] ?? 0;
      const path = this.#paths[place] ?? -1;
      const holds =
        path < 0
          ? this.conditions.holds(number)
          : this.conditions.within(number, path, this.#lows[place] ?? 0, this.#highs[place] ?? 0);
      if (!holds) return place;
    }
    return end;
  }

  #swap(a: number, b: number): void {
    for (const column of [this.#numbers, this.#paths, this.#lows, this.#highs]) {
      const value = column[a] ?? 0;
      column[a] = column[b] ?? 0;
      column[b] = value;
    }
  }

  #grow(length: number): void {
    const copy = <A extends Int32Array | Float64Array>(column: A, larger: A): A => {
      larger.set(column);
      return larger;
    };
    this.#numbers = copy(this.#numbers, new Int32Array(length));
    this.#paths = copy(this.#paths, new Int32Array(length));
    this.#lows = copy(this.#lows, new Float64Array(length));
    this.#highs = copy(this.#highs, new Float64Array(length));
  }
}

/** The parts of a match that must all hold, each a match of its own. */
function conjunctsOf(filter: Document): Document[] {
  return Object.entries(filter).flatMap(([field, condition]) => {
    if (field === "$comment") return [];
    if (field === "$and" && Array.isArray(condition) && condition.every(isDocument)) {
      return condition.flatMap(conjunctsOf);
    }
    return [{ [field]: condition }];
  });
}

/** Whether a condition must be evaluated with its filter: expressions may fail, samples are random. */
function isOfItsOwn(part: Document): boolean {
  return matchConjuncts(parseMatch(part, "$match")).some((node) =>
    [...walkMatch(node)].some(({ kind }) => kind === "expr" || kind === "sample" || kind === "schema"),
  );
}

function mentions(part: Document, joinedFields: ReadonlySet<string>): boolean {
  return Object.entries(part).some(([field, condition]) => {
    if (!field.startsWith("$")) return joinedFields.has(field.split(".", 1)[0] ?? field);
    return (
      Array.isArray(condition) && condition.some((item) => isDocument(item) && mentions(item, joinedFields))
    );
  });
}
