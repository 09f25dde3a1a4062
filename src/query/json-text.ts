/** Reads JSON text: exact numbers, positions in errors, a depth limit, any field name. */
import { QueryError } from "./errors.ts";
import { readExtended } from "./json-extended.ts";
import { type Document, double, isInt32, setField, type Value } from "./values.ts";

export interface JsonOptions {
  /** How deep arrays and objects may nest; 100 unless told, as BSON allows. */
  readonly maxDepth?: number;
  /** How errors name the text, e.g. `filter`; nothing unless told. */
  readonly path?: string;
}

/**
 * Reads JSON, relaxed and canonical extended JSON into values.
 *
 * Integer literals become int32, else int64 (exact), else doubles; literals with a point or exponent are
 * doubles. `{"$regex": …}` stays a query operator. Throws a QueryError that says line and column.
 */
export function parseJson(text: string, options: JsonOptions = {}): Value {
  return new Reader(text, options.maxDepth ?? 100, options.path ?? "").read();
}

/**
 * The same in pieces: yields after some 32 thousand characters each, where whoever reads a long text may look after
 * others, and returns the value.
 */
export function parseJsonInPieces(text: string, options: JsonOptions = {}): Generator<undefined, Value> {
  return new Reader(text, options.maxDepth ?? 100, options.path ?? "").readInPieces();
}

const PIECE = 32_768;
const QUOTE = 34;
const BACKSLASH = 92;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const WORDS = new Map<string, Value>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const ESCAPES: Record<string, string> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Reader {
  #at = 0;
  #pieceEnd = PIECE;

  constructor(
    readonly text: string,
    readonly maxDepth: number,
    readonly path: string,
  ) {}

  read(): Value {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.text.length) this.#fail("nothing more may follow the value");
    return value;
  }

  *readInPieces(): Generator<undefined, Value> {
    this.#space();
    const value = this.#isContainer() ? yield* this.#container(1) : this.#value(0);
    this.#space();
    if (this.#at < this.text.length) this.#fail("nothing more may follow the value");
    return value;
  }

  /** An array or object in pieces; what is in it that is neither comes at once. */
  *#container(depth: number): Generator<undefined, Value> {
    const start = this.#at;
    const isArray = this.text.charCodeAt(start) === 91;
    const [bracket, name] = isArray ? ([93, "]"] as const) : ([125, "}"] as const);
    const items: Value[] = [];
    const document: Document = {};
    let extended = false;
    this.#deeper(depth);
    if (this.#closes(bracket)) return isArray ? items : document;
    do {
      if (this.#at > this.#pieceEnd) {
        this.#pieceEnd = this.#at + PIECE;
        yield undefined;
      }
      const field = isArray ? "" : this.#field();
      this.#space();
      const value = this.#isContainer() ? yield* this.#container(depth + 1) : this.#value(depth);
      if (isArray) items.push(value);
      else setField(document, field, value);
      extended ||= field.charCodeAt(0) === 36;
    } while (!this.#ends(bracket, name));
    if (isArray) return items;
    return extended ? readExtended(document, (reason) => this.#fail(reason, start)) : document;
  }

  #isContainer(): boolean {
    const start = this.text.charCodeAt(this.#at);
    return start === 123 || start === 91;
  }

  #value(depth: number): Value {
    this.#space();
    const start = this.text.charCodeAt(this.#at);
    if (start === QUOTE) return this.#string();
    if (start === 123) return this.#object(depth + 1);
    if (start === 91) return this.#array(depth + 1);
    if (start === 45 || (start >= 48 && start <= 57)) return this.#number();
    return this.#word();
  }

  #space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.#at);
      if (c !== 32 && c !== 10 && c !== 13 && c !== 9) return;
      this.#at++;
    }
  }

  #word(): Value {
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    }
    if (this.#at >= this.text.length) this.#fail("the text ends where a value should be");
    return this.#fail(`expected a JSON value, found ${JSON.stringify(this.text[this.#at])}`);
  }

  #number(): Value {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.text);
    if (match === null) return this.#fail("malformed number");
    const [literal, fraction, exponent] = match;
    this.#at += literal.length;
    if (/[\d.+\-a-zA-Z]/.test(this.text[this.#at] ?? "")) this.#fail("malformed number");
    if (fraction === undefined && exponent === undefined) return integer(literal);
    return double(Number(literal));
  }

  #string(): string {
    const start = ++this.#at;
    const text = this.text;
    for (;;) {
      const c = text.charCodeAt(this.#at);
      if (c === QUOTE) return text.slice(start, this.#at++);
      if (c === BACKSLASH) return this.#escaped(start);
      this.#check(c);
      this.#at++;
    }
  }

  /** The rest of a string that has escapes; `start` is behind its opening quote. */
  #escaped(start: number): string {
    const text = this.text;
    let result = "";
    let from = start;
    for (;;) {
      const c = text.charCodeAt(this.#at);
      if (c === QUOTE) return result + text.slice(from, this.#at++);
      if (c === BACKSLASH) {
        result += text.slice(from, this.#at) + this.#escape();
        from = this.#at;
        continue;
      }
      this.#check(c);
      this.#at++;
    }
  }

  #check(c: number): void {
    if (Number.isNaN(c)) this.#fail("the text ends inside a string");
    if (c < 32) this.#fail("control characters in strings must be escaped");
  }

  #escape(): string {
    const letter = this.text[this.#at + 1] ?? "";
    if (letter === "u") {
      const hex = this.text.slice(this.#at + 2, this.#at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#fail("\\u needs four hexadecimal digits");
      this.#at += 6;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    if (plain === undefined) this.#fail("unknown escape in a string");
    this.#at += 2;
    return plain ?? "";
  }

  #array(depth: number): Value[] {
    this.#deeper(depth);
    const items: Value[] = [];
    if (this.#closes(93)) return items;
    for (;;) {
      items.push(this.#value(depth));
      if (this.#ends(93, "]")) return items;
    }
  }

  #object(depth: number): Value {
    this.#deeper(depth);
    const start = this.#at - 1;
    const document: Document = {};
    let extended = false;
    if (this.#closes(125)) return document;
    for (;;) {
      const name = this.#field();
      extended ||= name.charCodeAt(0) === 36;
      setField(document, name, this.#value(depth));
      if (this.#ends(125, "}")) break;
    }
    return extended ? readExtended(document, (reason) => this.#fail(reason, start)) : document;
  }

  /** A field's name, up to behind its colon. */
  #field(): string {
    this.#space();
    if (this.text.charCodeAt(this.#at) !== QUOTE) this.#fail("expected a field name in double quotes");
    const name = this.#string();
    this.#space();
    if (this.text.charCodeAt(this.#at) !== 58) this.#fail(`expected ":" after the field name`);
    this.#at++;
    return name;
  }

  /** Steps over an opening bracket. */
  #deeper(depth: number): void {
    if (depth > this.maxDepth) this.#fail(`nests deeper than ${this.maxDepth} levels`);
    this.#at++;
  }

  #closes(bracket: number): boolean {
    this.#space();
    if (this.text.charCodeAt(this.#at) !== bracket) return false;
    this.#at++;
    return true;
  }

  #ends(bracket: number, name: string): boolean {
    if (this.#closes(bracket)) return true;
    if (this.text.charCodeAt(this.#at) !== 44) this.#fail(`expected "," or "${name}"`);
    this.#at++;
    return false;
  }

  #fail(reason: string, at = this.#at): never {
    const before = this.text.slice(0, at);
    const line = before.split("\n").length;
    const column = at - before.lastIndexOf("\n");
    throw new QueryError("invalid", this.path, `not valid JSON at line ${line}, column ${column}: ${reason}`);
  }
}

function integer(literal: string): Value {
  if (literal.length < 16) {
    const number = Number(literal);
    // Adding zero makes −0 a plain zero: an int32 has no negative zero.
    return isInt32(number) ? number + 0 : BigInt(literal);
  }
  if (literal.length > 20) return double(Number(literal));
  const exact = BigInt(literal);
  return exact >= MIN_INT64 && exact <= MAX_INT64 ? exact : double(Number(literal));
}
