/** Headers of FITS files (FITS standard 4.0, section 4): cards of 80 characters in blocks of 2880 bytes. */
import type { Cursor } from "../cursor.ts";

export const BLOCK = 2880;
const CARD = 80;
/** Blocks of one header: 36,000 cards. A file that has no END there is no FITS file. */
const MOST_BLOCKS = 1000;

/** A header that cannot be read: says which keyword and why. */
export class FitsError extends Error {
  override readonly name = "FitsError";
}

export class Header {
  readonly #values = new Map<string, string>();

  /** Takes the cards of one block; answers whether END was among them. */
  take(block: Uint8Array): boolean {
    const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString("latin1");
    for (let at = 0; at + CARD <= text.length; at += CARD) {
      const card = text.slice(at, at + CARD);
      const keyword = card.slice(0, 8).trimEnd();
      if (keyword === "END") return true;
      if (keyword === "CONTINUE") this.#continue(card.slice(8));
      else if (card.slice(8, 10) === "= ") this.#add(keyword, card.slice(10));
    }
    return false;
  }

  #last = "";

  #add(keyword: string, field: string): void {
    this.#last = keyword;
    // The first of two cards counts.
    if (!this.#values.has(keyword)) this.#values.set(keyword, cardValue(field));
  }

  /** A long text goes on: `&` at the end of what was said so far is taken off. */
  #continue(field: string): void {
    const before = this.#values.get(this.#last);
    if (before?.endsWith("&") === true) this.#values.set(this.#last, before.slice(0, -1) + cardValue(field));
  }

  has(keyword: string): boolean {
    return this.#values.has(keyword);
  }

  text(keyword: string): string | undefined {
    return this.#values.get(keyword);
  }

  /** A real number; undefined when the keyword is absent or empty. Throws `FitsError`. */
  real(keyword: string): number | undefined {
    const text = this.#values.get(keyword);
    if (text === undefined || text === "") return undefined;
    const value = Number(text.replace(/[dD]/, "E"));
    if (Number.isNaN(value)) throw new FitsError(`${keyword} is ${JSON.stringify(text)}: expected a number`);
    return value;
  }

  /** An integer of any size. Throws `FitsError`. */
  exact(keyword: string): bigint | undefined {
    const text = this.#values.get(keyword);
    if (text === undefined || text === "") return undefined;
    if (/^[+-]?\d{1,20}$/.test(text)) return BigInt(text.replace("+", ""));
    throw new FitsError(`${keyword} is ${JSON.stringify(text)}: expected an integer`);
  }

  /** A size or number of things: 0 … 2⁵³. Throws `FitsError`. */
  size(keyword: string, absent?: number): number {
    const exact = this.exact(keyword);
    if (exact === undefined && absent !== undefined) return absent;
    if (exact === undefined) throw new FitsError(`${keyword} is missing`);
    if (exact < 0n || exact > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new FitsError(`${keyword} is ${exact}: expected a number of things`);
    }
    return Number(exact);
  }

  isTrue(keyword: string): boolean {
    return this.#values.get(keyword) === "T";
  }
}

/** The value of a card behind `= `, without its comment: text without its quotes, all else as it is written. */
function cardValue(field: string): string {
  const text = /^\s*'((?:[^']|'')*)'/.exec(field)?.[1];
  if (text !== undefined) return text.replaceAll("''", "'").trimEnd();
  const slash = field.indexOf("/");
  return (slash < 0 ? field : field.slice(0, slash)).trim();
}

/** Reads the header where the cursor stands; undefined at the end of the file. Throws `FitsError`. */
export async function readHeader(cursor: Cursor): Promise<Header | undefined> {
  const header = new Header();
  for (let blocks = 0; blocks < MOST_BLOCKS; blocks++) {
    const block = await cursor.read(BLOCK);
    if (block.length === 0 && blocks === 0) return undefined;
    if (header.take(block)) return header;
    if (block.length < BLOCK) break;
  }
  throw new FitsError("the header has no END: the file is cut off or damaged");
}

/** Bytes of the data behind a header, the heap of a table included, without what fills the last block. */
export function dataSize(header: Header): number {
  const axes = header.size("NAXIS");
  if (axes > 999) throw new FitsError(`NAXIS is ${axes}: expected at most 999`);
  if (axes === 0) return 0;
  let elements = 1;
  for (let axis = 1; axis <= axes; axis++) elements *= header.size(`NAXIS${axis}`);
  // Random groups, an old form, have no first axis.
  if (header.isTrue("GROUPS") && header.size("NAXIS1") === 0) {
    elements = 1;
    for (let axis = 2; axis <= axes; axis++) elements *= header.size(`NAXIS${axis}`);
  }
  const width = Math.abs(header.real("BITPIX") ?? Number.NaN) / 8;
  const bytes = width * header.size("GCOUNT", 1) * (header.size("PCOUNT", 0) + elements);
  if (!Number.isSafeInteger(bytes)) throw new FitsError("the sizes of the data make no sense");
  return bytes;
}
