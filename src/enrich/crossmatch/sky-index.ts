/**
 * The file that holds the positions of a catalogue, sorted for cone searches and mapped into memory: all threads and
 * processes share its pages. It is written whole beside its place and renamed, never changed; which state of the
 * catalogue it is of stands in its head.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Document } from "../../query/index.ts";
import { fixedDec, fixedRa, visitCone, ZONES, type ZonedPositions } from "../../sky/index.ts";
import { type CatalogState, positionOf, type RowKey } from "../../store/index.ts";
import type { Target } from "./matches.ts";

/** Of this layout; another begins anew. */
export const MAGIC = "KWSKYIX1";
/** Every part begins at a multiple of this, bytes. */
export const ALIGNMENT = 8;
/** How often a file that was not usable is looked at again, milliseconds. */
const LOOK_AGAIN_MS = 1000;

/** What stands in the head of a file, as JSON. */
export interface SkyIndexHead {
  readonly catalog: string;
  /** State of the catalogue that was indexed. */
  readonly mark: string;
  readonly rows: number;
  readonly keyBytes: number;
}

/** Where the index files lie. */
export function skyIndexFolder(dataDir: string): string {
  return join(dataDir, "sky-index");
}

/** The file of a catalogue. */
export function skyIndexFile(dataDir: string, catalog: string): string {
  // Names of collections may hold what names of files may not, or differ only in their case.
  const readable = catalog.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 80);
  return join(skyIndexFolder(dataDir), `${readable}.${Bun.hash(catalog).toString(36)}.index`);
}

/** Sizes of the parts behind the head, bytes, in their order. */
export function partSizes({ rows, keyBytes }: Pick<SkyIndexHead, "rows" | "keyBytes">): number[] {
  return [4 * (ZONES + 1), 4 * rows, 4 * rows, 4 * rows, keyBytes];
}

export const aligned = (size: number) => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/** A file that is mapped. */
export class SkyIndex {
  private constructor(
    readonly head: SkyIndexHead,
    readonly zoned: ZonedPositions,
    /** Where the key of each row ends in `keys`. */
    readonly keyEnds: Uint32Array,
    readonly keys: Uint8Array,
  ) {}

  /** Maps a file; undefined when there is none, or none of this layout that is whole. */
  static open(file: string): SkyIndex | undefined {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
    let bytes: Uint8Array;
    try {
      bytes = Bun.mmap(file);
    } catch {
      return undefined;
    }
    if (bytes.length < 12 || Buffer.from(bytes.subarray(0, 8)).toString("latin1") !== MAGIC) return undefined;
    const headBytes = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
    let head: SkyIndexHead;
    try {
      head = JSON.parse(Buffer.from(bytes.subarray(12, 12 + headBytes)).toString()) as SkyIndexHead;
    } catch {
      return undefined;
    }
    const sizes = partSizes(head);
    const offsets: number[] = [];
    let end = aligned(12 + headBytes);
    for (const size of sizes) {
      offsets.push(bytes.byteOffset + end);
      end += aligned(size);
    }
    if (bytes.length !== end) return undefined;
    const [starts = 0, ras = 0, decs = 0, keyEnds = 0, keys = 0] = offsets;
    const numbers = (offset: number, count: number) => new Uint32Array(bytes.buffer, offset, count);
    const zoned = {
      starts: numbers(starts, ZONES + 1),
      ras: numbers(ras, head.rows),
      decs: numbers(decs, head.rows),
    };
    const keyArea = new Uint8Array(bytes.buffer, keys, head.keyBytes);
    return new SkyIndex(head, zoned, numbers(keyEnds, head.rows), keyArea);
  }

  /** The rows within `radius` degrees of any of the targets, each once. */
  rowsNear(targets: readonly Target[], radius: number): IndexedRows {
    const places = new Set<number>();
    for (const { ra, dec } of targets)
      visitCone(this.zoned, { ra, dec, radius }, (place) => places.add(place));
    const keys = Array.from(places, (place) => {
      const start = place === 0 ? 0 : (this.keyEnds[place - 1] ?? 0);
      // A copy: what is asked of a store may outlive the mapping.
      return this.keys.slice(start, this.keyEnds[place]);
    });
    const { ras, decs } = this.zoned;
    return { keys, positions: new Set(Array.from(places, (place) => `${ras[place]}/${decs[place]}`)) };
  }
}

/** Rows as an index knows them. */
export interface IndexedRows {
  readonly keys: readonly RowKey[];
  /** Where they are, as `placeName` tells it. */
  readonly positions: ReadonlySet<string>;
}

/** Where a row is, as precisely as an index knows it; undefined when it has no position. */
export function placeName(row: Document): string | undefined {
  const position = positionOf(row);
  return position === undefined ? undefined : `${fixedRa(position[0] + 180)}/${fixedDec(position[1])}`;
}

/** The index files of a folder as one thread uses them. */
export class SkyIndexes {
  readonly #known = new Map<string, { readonly index: SkyIndex | undefined; readonly at: number }>();

  constructor(readonly dataDir: string) {}

  /** The index of a catalogue in this state; undefined while there is none. */
  of(catalog: string, { mark }: CatalogState): SkyIndex | undefined {
    const known = this.#known.get(catalog);
    if (known?.index?.head.mark === mark) return known.index;
    const at = performance.now();
    if (known !== undefined && at - known.at < LOOK_AGAIN_MS) return undefined;
    const opened = SkyIndex.open(skyIndexFile(this.dataDir, catalog));
    const index = opened?.head.mark === mark && opened.head.catalog === catalog ? opened : undefined;
    this.#known.set(catalog, { index, at });
    return index;
  }
}

/** Files in the folder that are no finished index: left behind by a process that ended while it wrote them. */
export function unfinishedFiles(dataDir: string): string[] {
  const folder = skyIndexFolder(dataDir);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(folder)
    .filter((name) => !name.endsWith(".index"))
    .map((name) => join(folder, name));
}
