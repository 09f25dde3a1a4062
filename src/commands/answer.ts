/** Reads the text of an answer of the API piece by piece, without holding it whole. */

const DATA = '"data":';

/**
 * The JSON texts of `data` in an envelope whose text comes in pieces: of each element where it is an array, of
 * the value where it is none, nothing where it is left out.
 */
export async function* dataValues(pieces: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let head = "";
  let splitter: Splitter | undefined;
  for await (const piece of pieces) {
    if (splitter !== undefined) {
      yield* splitter.add(piece);
      continue;
    }
    head += piece;
    // Inside a string the quotes would be escaped, so this is the field and nothing else.
    const start = head.indexOf(DATA);
    if (start < 0 || head[start + DATA.length] !== "[") continue;
    splitter = new Splitter();
    yield* splitter.add(head.slice(start + DATA.length + 1));
  }
  const start = head.indexOf(DATA);
  if (splitter === undefined && start >= 0) yield head.slice(start + DATA.length, head.lastIndexOf("}"));
}

/** Splits the inside of an array at its commas. */
class Splitter {
  #item = "";
  #depth = 0;
  #inString = false;
  #escaped = false;
  #ended = false;

  *add(piece: string): Generator<string, void, undefined> {
    let from = 0;
    for (let at = 0; at < piece.length && !this.#ended; at++) {
      if (!this.#separates(piece.charCodeAt(at))) continue;
      const item = this.#item + piece.slice(from, at);
      if (item !== "") yield item;
      this.#item = "";
      from = at + 1;
    }
    if (!this.#ended) this.#item += piece.slice(from);
  }

  /** Whether this character ends an element of the array. */
  #separates(char: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (char === BACKSLASH) this.#escaped = true;
      else if (char === QUOTE) this.#inString = false;
      return false;
    }
    if (char === QUOTE) this.#inString = true;
    else if (char === OPEN_BRACKET || char === OPEN_BRACE) this.#depth++;
    else if (char === CLOSE_BRACKET && this.#depth === 0) this.#ended = true;
    else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) this.#depth--;
    return this.#ended || (char === COMMA && this.#depth === 0);
  }
}

const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Parts of the runtime that its types do not have yet. */
const exact = JSON as unknown as {
  rawJSON(text: string): unknown;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source: string }) => unknown,
  ): unknown;
};

/** The same JSON over several lines, its numbers as they are written. */
export function prettyJson(text: string): string {
  const value = exact.parse(text, (_, item, { source }) =>
    typeof item === "number" ? exact.rawJSON(source) : item,
  );
  return JSON.stringify(value, null, 2);
}
