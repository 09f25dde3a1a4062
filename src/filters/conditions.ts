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

export class SharedConditions {
  readonly #numbers = new Map<string, number>();
  readonly #tests: ((document: Document) => boolean)[] = [];
  #known = new Uint8Array(64);

  /**
   * The numbers of the conditions that a leading `$match` consists of. Those of which the same cannot be told
   * apart from their text alone (`$expr`, `$sampleRate`) are left out and stay with the filter.
   */
  numbersOf(filter: Document, joinedFields: ReadonlySet<string>): { numbers: number[]; complete: boolean } {
    const parts = conjunctsOf(filter);
    const shared = parts.filter((part) => !isOfItsOwn(part));
    // What needs no history comes first.
    const needsRecord = (part: Document) => mentions(part, joinedFields);
    const ordered = [...shared.filter((part) => !needsRecord(part)), ...shared.filter(needsRecord)];
    return {
      numbers: [...new Set(ordered.map((part) => this.#numberOf(part)))],
      complete: shared.length === parts.length,
    };
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

  #numberOf(part: Document): number {
    const text = printJson(part);
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const number = this.#tests.push(compileMatchNode(parseMatch(part, "$match"))) - 1;
    this.#numbers.set(text, number);
    if (number >= this.#known.length) this.#known = new Uint8Array(2 * this.#known.length);
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
