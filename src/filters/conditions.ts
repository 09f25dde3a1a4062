/**
 * Leading conditions of filters, shared: many filters begin with the same `$match` on the alert, so each
 * distinct condition is compiled once and evaluated at most once per alert and permission set.
 */
import {
  compileMatchNode,
  type Document,
  isDocument,
  matchConjuncts,
  parseMatch,
  printJson,
  walkMatch,
} from "../query/index.ts";

/** A condition's memory: not evaluated for this alert, false, true. */
const UNKNOWN = 0;
const FALSE = 1;
const TRUE = 2;
/** Compiled conditions that are kept; filters come and go. */
const MOST_KNOWN = 20_000;

/** A condition of a leading `$match`, compiled. */
export interface LeadingCondition {
  readonly text: string;
  readonly test: (document: Document) => boolean;
}

/** What a leading `$match` consists of. */
export interface LeadingConditions {
  /** Those that may be shared, those on the alert alone first. */
  readonly shared: readonly LeadingCondition[];
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
    const ordered = [...shared.filter((part) => !needsRecord(part)), ...shared.filter(needsRecord)];
    return {
      shared: ordered.map((part) => this.#compile(part)),
      complete: shared.length === parts.length,
    };
  }

  #compile(part: Document): LeadingCondition {
    const text = printJson(part);
    let condition = this.#known.get(text);
    if (condition === undefined) {
      condition = { text, test: compileMatchNode(parseMatch(part, "$match")) };
      if (this.#known.size >= MOST_KNOWN) this.#known.clear();
      this.#known.set(text, condition);
    }
    return condition;
  }
}

/** The conditions of some filters, each evaluated at most once per alert. */
export class SharedConditions {
  readonly #numbers = new Map<string, number>();
  readonly #tests: LeadingCondition["test"][] = [];
  #known = new Uint8Array(64);

  /** The numbers of conditions, which stand for them in `hold`. */
  numbersOf(conditions: readonly LeadingCondition[]): number[] {
    return [...new Set(conditions.map((condition) => this.#numberOf(condition)))];
  }

  /** Forgets the last alert. */
  begin(): void {
    this.#known.fill(UNKNOWN, 0, this.#tests.length);
  }

  /** Whether the alert meets all of these conditions. */
  hold(numbers: readonly number[], document: Document): boolean {
    for (const number of numbers) {
      let known = this.#known[number];
      if (known === UNKNOWN) {
        known = this.#tests[number]?.(document) === true ? TRUE : FALSE;
        this.#known[number] = known;
      }
      if (known === FALSE) return false;
    }
    return true;
  }

  #numberOf({ text, test }: LeadingCondition): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#tests.push(test) - 1;
    this.#numbers.set(text, number);
    if (number < this.#known.length) return number;
    const larger = new Uint8Array(2 * this.#known.length);
    larger.set(this.#known);
    this.#known = larger;
    return number;
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
