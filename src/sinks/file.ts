/** Matches as lines of JSON in a file per night, on the disk before they count as delivered. */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type FilterChoice, isChosen } from "./choice.ts";
import { Gatherer } from "./gather.ts";
import { matchMessage } from "./message.ts";
import type { Delivery, Sink } from "./sink.ts";

export interface FileOptions {
  readonly name: string;
  /** Folder of the files. */
  readonly path: string;
  readonly choice: FilterChoice;
}

/** Lines that wait for one flush together. */
const CONCURRENCY = 64;
const MOST_OPEN_FILES = 4;
/** Julian date of 1970-01-01T00:00. */
const JD_EPOCH = 2440587.5;
const DAY_MS = 86_400_000;
const READ_BACK = 64 * 1024;

export function openFileSink({ name, path, choice }: FileOptions): Sink {
  const files = new NightFiles(path);
  return {
    name,
    takes: "matches",
    concurrency: CONCURRENCY,
    wants: (item) => isChosen(choice, item),
    async deliver({ items: [item] }: Delivery) {
      const line = matchMessage(item);
      if (line !== undefined && item.match !== undefined) {
        await files.append(nightFile(item.match.jd), `${line}\n`);
      }
    },
    async check() {
      let folder = path;
      while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
      try {
        accessSync(folder, constants.W_OK | constants.X_OK);
      } catch {
        throw new Error(`${folder} is not writable for this user: change its owner, or choose another path`);
      }
      return `${path}${folder === path ? "" : " (will be made)"}`;
    },
    close: () => files.close(),
  };
}

/** `matches-20231012.jsonl`: the UTC day of the exposure. */
export function nightFile(jd: number): string {
  const date = new Date(Math.floor((Number(jd) - JD_EPOCH) * DAY_MS));
  return `matches-${date.toISOString().slice(0, 10).replaceAll("-", "")}.jsonl`;
}

/** Appends lines; those that come while the disk is busy are flushed together. */
class NightFiles {
  readonly #open = new Map<string, FileHandle>();
  readonly #lines = new Gatherer<string>((file, lines) => this.#write(file, lines.join("")));

  constructor(readonly folder: string) {}

  append(file: string, text: string): Promise<void> {
    return this.#lines.add(file, text);
  }

  async close(): Promise<void> {
    await this.#lines.idle();
    for (const handle of this.#open.values()) await handle.close();
    this.#open.clear();
  }

  async #write(file: string, text: string): Promise<void> {
    const handle = await this.#handle(file);
    const { size } = await handle.stat();
    try {
      await handle.appendFile(text);
      await handle.datasync();
    } catch (error) {
      // Half a line, of a full disk, must not stand before the next.
      await handle.truncate(size);
      throw error;
    }
  }

  async #handle(file: string): Promise<FileHandle> {
    const known = this.#open.get(file);
    if (known !== undefined) return known;
    for (const [oldest, handle] of this.#open) {
      if (this.#open.size < MOST_OPEN_FILES) break;
      this.#open.delete(oldest);
      await handle.close();
    }
    mkdirSync(this.folder, { recursive: true });
    const handle = await open(join(this.folder, file), "a+");
    await cutTornLine(handle);
    this.#open.set(file, handle);
    return handle;
  }
}

/** Removes what a killed process left of a line: it was not acknowledged and comes again. */
async function cutTornLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - READ_BACK);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    const newline = buffer.subarray(0, bytesRead).lastIndexOf(10);
    if (newline >= 0 || start === 0) {
      const whole = newline >= 0 ? start + newline + 1 : 0;
      if (whole < size) await handle.truncate(whole);
      return;
    }
    end = start;
  }
}
