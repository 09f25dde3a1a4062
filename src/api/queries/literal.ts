/**
 * Reads filters, projections and pipelines that clients send as text: JSON, or the Python literals of old
 * notebooks (`{'candid': {'$in': [1, 2]}, 'ok': True}`).
 */
import { type Document, double, parseJson, QueryError, setField, type Value } from "../../query/index.ts";

const MAX_DEPTH = 100;
const INT32_LIMIT = 2n ** 31n;
const INT64_LIMIT = 2n ** 63n;

/** The value of a text; `path` names the field in errors. Throws `QueryError`. */
export function readLiteral(text: string, path: string): Value {
  try {
    return parseJson(text, { maxDepth: MAX_DEPTH });
  } catch (asJson) {
    try {
      return new Literal(text).read();
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const reason = `neither JSON (${messageOf(asJson)}) nor a Python literal (${error.message})`;
      throw new QueryError("invalid", path, reason);
    }
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

const WORDS: Readonly<Record<string, Value>> = {
  True: true,
  False: false,
  None: null,
  true: true,
  false: false,
  null: null,
};

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  "\\": "\\",
  "'": "'",
  '"': '"',
};

/** Lists that were written as tuples: in the names that answers are given, Python shows the difference. */
const tuples = new WeakSet<object>();

/** Whether a list of `readLiteral` was written as a tuple. */
export function isTuple(value: Value): boolean {
  return typeof value === "object" && value !== null && tuples.has(value);
}

/** A reader of Python literals: dict, list, tuple, string, number, True, False, None. */
class Literal {
  #at = 0;

  constructor(readonly text: string) {}

  read(): Value {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.text.length) throw this.#error("text after the end of the value");
    return value;
  }

  #value(depth: number): Value {
    if (depth > MAX_DEPTH) throw this.#error(`nested deeper than ${MAX_DEPTH}`);
    this.#space();
    const char = this.text[this.#at] ?? "";
    if (char === "{") return this.#dict(depth);
    if (char === "[") return this.#items("]", depth);
    if (char === "(") return this.#tuple(depth);
    if (char === "'" || char === '"') return this.#string(char);
    const word = /^[A-Za-z]+/.exec(this.text.slice(this.#at, this.#at + 16))?.[0];
    if (word !== undefined && Object.hasOwn(WORDS, word)) {
      this.#at += word.length;
      return WORDS[word] ?? null;
    }
    return this.#number();
  }

  #dict(depth: number): Document {
    const document: Document = {};
    this.#at++;
    for (;;) {
      this.#space();
      if (this.#takes("}")) return document;
      const quote = this.text[this.#at] ?? "";
      if (quote !== "'" && quote !== '"') throw this.#error("expected a quoted key or }");
      const key = this.#string(quote);
      this.#space();
      if (!this.#takes(":")) throw this.#error("expected : after a key");
      setField(document, key, this.#value(depth + 1));
      this.#space();
      if (!this.#takes(",") && this.text[this.#at] !== "}") throw this.#error("expected , or }");
    }
  }

  #items(end: "]" | ")", depth: number): Value[] {
    const items: Value[] = [];
    this.#at++;
    for (;;) {
      this.#space();
      if (this.#takes(end)) return items;
      items.push(this.#value(depth + 1));
      this.#space();
      if (!this.#takes(",") && this.text[this.#at] !== end) throw this.#error(`expected , or ${end}`);
    }
  }

  /** `(1, 2)` is a list; `(1)` is 1, as in Python. */
  #tuple(depth: number): Value {
    const start = this.#at;
    const items = this.#items(")", depth);
    const [only] = items;
    const hasComma = this.text.slice(start, this.#at).includes(",");
    if (items.length === 1 && only !== undefined && !hasComma) return only;
    tuples.add(items);
    return items;
  }

  #string(quote: string): string {
    let out = "";
    for (this.#at++; this.#at < this.text.length; this.#at++) {
      const char = this.text[this.#at] ?? "";
      if (char === quote) {
        this.#at++;
        return out;
      }
      if (char !== "\\") out += char;
      else out += this.#escape();
    }
    throw this.#error("a string without its end");
  }

  #escape(): string {
    const char = this.text[++this.#at] ?? "";
    const digits = { x: 2, u: 4 }[char];
    if (digits === undefined) return ESCAPES[char] ?? `\\${char}`;
    const code = this.text.slice(this.#at + 1, this.#at + 1 + digits);
    if (!new RegExp(`^[0-9a-fA-F]{${digits}}$`).test(code))
      throw this.#error(`expected ${digits} hex digits`);
    this.#at += digits;
    return String.fromCharCode(Number.parseInt(code, 16));
  }

  #number(): Value {
    const match = /^[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/.exec(
      this.text.slice(this.#at, this.#at + 400),
    );
    if (match === null) throw this.#error("expected a value");
    this.#at += match[0].length;
    const text = match[0].replaceAll("_", "");
    if (!/^[+-]?\d+$/.test(text)) return double(Number(text));
    const integer = BigInt(text.replace("+", ""));
    if (integer >= -INT32_LIMIT && integer < INT32_LIMIT) return Number(integer);
    return integer >= -INT64_LIMIT && integer < INT64_LIMIT ? integer : double(Number(integer));
  }

  #space(): void {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at++;
  }

  #takes(char: string): boolean {
    if (this.text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #error(reason: string): SyntaxError {
    return new SyntaxError(`${reason} at character ${this.#at + 1}`);
  }
}
