/**
 * Reads tar archives (ustar, pax and GNU) from chunks of any size. On the way of every packet of a nightly
 * archive, so without streams or events: a member's bytes are copied once, into memory that its reader chooses.
 */

const BLOCK = 512;
const CHECKSUM = { at: 148, length: 8 } as const;
/** Longest list of pax attributes or long name that is read. */
const MOST_ATTRIBUTE_BYTES = 1024 * 1024;

export interface TarMember {
  readonly name: string;
  readonly size: number;
}

/** A member that has been read. */
export interface ReadMember extends TarMember {
  /** The memory that the reader chose for it. */
  readonly bytes: Uint8Array;
}

/**
 * What becomes of a file: memory for as much of it as is wanted, or undefined to pass over it. Other kinds of
 * members are passed over without asking.
 */
export type ChooseMemory = (member: TarMember) => Uint8Array | undefined;

/** An archive that is not as tar archives are. */
export class TarError extends Error {
  override readonly name = "TarError";
}

interface Header extends TarMember {
  readonly type: string;
}

/** Reads one archive. Feed it with `read` and end with `end`. */
export class TarReader {
  readonly #block = new Uint8Array(BLOCK);
  #blockBytes = 0;
  /** The member whose bytes come, and how many of them and of the padding behind them are to come. */
  #member: TarMember | undefined;
  #bytes: Uint8Array | undefined;
  #left = 0;
  #padding = 0;
  /** Attributes of the next member (pax `path` and `size`, GNU long name), and of all that follow. */
  #attributes: ReadonlyMap<string, string> = new Map();
  #global: ReadonlyMap<string, string> = new Map();
  #takeAttributes: ((bytes: Uint8Array) => void) | undefined;

  constructor(readonly choose: ChooseMemory) {}

  /** Takes in a chunk; yields the members that end in it. Throws `TarError`. */
  *read(chunk: Uint8Array): Generator<ReadMember, void, undefined> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, chunk.length - at);
        this.#take(chunk, at, count);
        at += count;
        if (this.#left === 0) yield* this.#finish();
      } else if (this.#padding > 0) {
        const count = Math.min(this.#padding, chunk.length - at);
        this.#padding -= count;
        at += count;
      } else {
        const count = Math.min(BLOCK - this.#blockBytes, chunk.length - at);
        this.#block.set(chunk.subarray(at, at + count), this.#blockBytes);
        this.#blockBytes += count;
        at += count;
        if (this.#blockBytes < BLOCK) return;
        this.#blockBytes = 0;
        this.#begin();
        if (this.#left === 0) yield* this.#finish();
      }
    }
  }

  /** Throws `TarError` when the archive is not over. */
  end(): void {
    if (this.#left > 0 || this.#padding > 0 || this.#blockBytes > 0) throw new TarError("it ends too early");
  }

  /** Looks at a header. */
  #begin(): void {
    const header = headerOf(this.#block);
    if (header === undefined) return;
    const { type } = header;
    if (type === "x" || type === "g" || type === "L" || type === "K") {
      this.#beginAttributes(type, header.size);
      return;
    }
    const attribute = (name: string) => this.#attributes.get(name) ?? this.#global.get(name);
    const given = attribute("size");
    const size = given === undefined ? header.size : Number(given);
    const name = attribute("path") ?? header.name;
    this.#attributes = new Map();
    if (!Number.isSafeInteger(size) || size < 0) throw new TarError(`the member ${name} has no size`);
    // The size of a directory is not that of bytes behind it.
    this.#expect(type === "5" ? 0 : size);
    const isFile = (type === "0" || type === "\0") && !name.endsWith("/");
    this.#bytes = isFile ? this.choose({ name, size }) : undefined;
    this.#member = this.#bytes === undefined ? undefined : { name, size };
  }

  #beginAttributes(type: "x" | "g" | "L" | "K", size: number): void {
    if (!(size <= MOST_ATTRIBUTE_BYTES)) throw new TarError(`attributes of ${size} bytes`);
    this.#expect(size);
    this.#member = undefined;
    this.#bytes = new Uint8Array(size);
    this.#takeAttributes = (bytes) => {
      if (type === "g") this.#global = paxAttributes(bytes);
      else if (type === "x") this.#attributes = new Map([...this.#attributes, ...paxAttributes(bytes)]);
      else if (type === "L") this.#attributes = new Map([...this.#attributes, ["path", text(bytes)]]);
    };
  }

  #expect(size: number): void {
    this.#left = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
  }

  /** Bytes of the member; those that its memory does not hold are dropped. */
  #take(chunk: Uint8Array, at: number, count: number): void {
    const size = this.#member?.size ?? this.#bytes?.length ?? 0;
    const done = size - this.#left;
    this.#left -= count;
    if (this.#bytes === undefined || done >= this.#bytes.length) return;
    this.#bytes.set(chunk.subarray(at, at + Math.min(count, this.#bytes.length - done)), done);
  }

  *#finish(): Generator<ReadMember, void, undefined> {
    const member = this.#member;
    const bytes = this.#bytes;
    const takeAttributes = this.#takeAttributes;
    this.#member = undefined;
    this.#bytes = undefined;
    this.#takeAttributes = undefined;
    if (bytes === undefined) return;
    if (member === undefined) takeAttributes?.(bytes);
    else yield { ...member, bytes };
  }
}

/** A header; undefined for a block of zeros. Throws `TarError`. */
function headerOf(block: Uint8Array): Header | undefined {
  let sum = CHECKSUM.length * 32;
  for (let i = 0; i < BLOCK; i++) sum += block[i] ?? 0;
  for (let i = 0; i < CHECKSUM.length; i++) sum -= block[CHECKSUM.at + i] ?? 0;
  // No other header has no byte set.
  if (sum === CHECKSUM.length * 32) return undefined;
  if (sum !== numberAt(block, CHECKSUM.at, CHECKSUM.length)) {
    throw new TarError("a header with a wrong checksum");
  }
  const magic = text(block.subarray(257, 263));
  if (!magic.startsWith("ustar")) throw new TarError("a header of an unknown format");
  const name = text(block.subarray(0, 100));
  // GNU's format, which has a space behind the magic, keeps other things in the place of the prefix.
  const prefix = magic === "ustar" ? text(block.subarray(345, 500)) : "";
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    size: numberAt(block, 124, 12),
    type: String.fromCharCode(block[156] ?? 0),
  };
}

/** A number in octal digits, or in base 256 where its first bit is set. NaN when it is neither. */
function numberAt(block: Uint8Array, at: number, length: number): number {
  const field = block.subarray(at, at + length);
  const first = field[0] ?? 0;
  if (first < 0x80) {
    const digits = text(field).trim();
    return digits === "" ? 0 : /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  }
  if (first !== 0x80) return Number.NaN;
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
}

/** Lines of the form `<length> <name>=<value>`. */
function paxAttributes(bytes: Uint8Array): Map<string, string> {
  const attributes = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const length = space < 0 ? Number.NaN : Number(Buffer.from(bytes.subarray(at, space)).toString("latin1"));
    if (!Number.isSafeInteger(length) || length <= space - at) throw new TarError("wrong pax attributes");
    const line = Buffer.from(bytes.subarray(space + 1, at + length - 1)).toString("utf8");
    const equals = line.indexOf("=");
    if (equals > 0) attributes.set(line.slice(0, equals), line.slice(equals + 1));
    at += length;
  }
  return attributes;
}

/** Text up to a zero byte. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
}
