/** Archives from http(s) addresses: fetched to a file, with resume of a broken download, then read like any archive. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileSource, pause } from "./files.ts";
import { type BatchLimits, type PacketBatch, type Source, SourceError } from "./source.ts";

/** Attempts in a row that bring nothing before it is given up. */
const ATTEMPTS = 6;
const FIRST_WAIT_MS = 500;
/** A connection that is silent for this long is broken, milliseconds. */
const STALL_MS = 60_000;

export interface DownloadOptions {
  /** Folder for what is being downloaded. */
  readonly folder: string;
  readonly username?: string;
  readonly password?: string;
  readonly limits?: BatchLimits;
}

/** Reads a .tar, .tar.gz or .avro from an address. A password in the address itself is never kept. */
export function downloadSource(url: string, options: DownloadOptions): Source {
  return new DownloadSource(new URL(url), options);
}

/** What is known of a file whose download is not complete. */
interface Partial {
  readonly validator: string | null;
}

class DownloadSource implements Source {
  readonly name: string;
  readonly isFinal = true;
  readonly #address: URL;
  readonly #headers: Record<string, string> = {};
  readonly #file: string;
  #local: Source | undefined;
  #bytes = { bytesRead: 0, bytesTotal: undefined as number | undefined };

  constructor(
    url: URL,
    readonly options: DownloadOptions,
  ) {
    const username = options.username ?? decodeURIComponent(url.username);
    const password = options.password ?? decodeURIComponent(url.password);
    if (username !== "") {
      const credentials = Buffer.from(`${username}:${password}`).toString("base64");
      this.#headers["authorization"] = `Basic ${credentials}`;
    }
    this.#address = new URL(url);
    this.#address.username = "";
    this.#address.password = "";
    this.name = this.#address.href;
    const suffix = /\.(avro|tar|tar\.gz|tgz)$/i.exec(url.pathname)?.[0] ?? ".tar.gz";
    const hash = Bun.hash.xxHash64(this.name).toString(16);
    this.#file = join(options.folder, `${hash}${suffix.toLowerCase()}`);
  }

  progress() {
    // While it downloads, progress is that of the download; afterwards that of the archive.
    return this.#local?.progress() ?? this.#bytes;
  }

  settled() {
    rmSync(this.#file, { force: true });
  }

  async *batches(position: string | undefined, signal: AbortSignal): AsyncGenerator<PacketBatch> {
    try {
      mkdirSync(this.options.folder, { recursive: true });
      if (!existsSync(this.#file)) await this.#download(signal);
    } catch (error) {
      throw this.#diskError(error) ?? error;
    }
    if (signal.aborted) return;
    const { limits } = this.options;
    this.#local = fileSource(this.#file, { name: this.name, ...(limits === undefined ? {} : { limits }) });
    try {
      yield* this.#local.batches(position, signal);
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      // What came whole and cannot be read is fetched anew by the next run.
      rmSync(this.#file, { force: true });
      throw new SourceError(this.name, error.reason);
    }
  }

  async #download(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const before = this.#bytes.bytesRead;
      try {
        await this.#fetchRest(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof SourceError || this.#diskError(error) !== undefined) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        if (this.#bytes.bytesRead > before) attempt = 1;
        if (attempt === ATTEMPTS) {
          throw new SourceError(
            this.name,
            `${ATTEMPTS} attempts in a row brought nothing, last: ${reason}; run again to go on`,
          );
        }
        await pause(FIRST_WAIT_MS * 2 ** (attempt - 1), signal);
      }
    }
  }

  async #fetchRest(signal: AbortSignal): Promise<void> {
    const part = `${this.#file}.part`;
    const noteFile = `${part}.json`;
    const have = existsSync(part) && existsSync(noteFile) ? statSync(part).size : 0;
    const note = have > 0 ? (JSON.parse(readFileSync(noteFile, "utf8")) as Partial) : { validator: null };
    const headers = { ...this.#headers };
    if (have > 0 && note.validator !== null) {
      headers["range"] = `bytes=${have}-`;
      // If the file changed on the server it is sent whole.
      headers["if-range"] = note.validator;
    }
    const stall = new StallTimer();
    try {
      const both = AbortSignal.any([signal, stall.signal]);
      const response = await fetch(this.#address, { headers, signal: both, decompress: false });
      this.#checkStatus(response, have);
      writeFileSync(noteFile, JSON.stringify({ validator: validatorOf(response) } satisfies Partial));
      await this.#save(response, response.status === 206 ? have : 0, part, stall);
    } finally {
      stall.end();
    }
    renameSync(part, this.#file);
    rmSync(noteFile, { force: true });
  }

  /** Appends what the server sends behind the first `start` bytes. Throws when it is not all. */
  async #save(response: Response, start: number, part: string, stall: StallTimer): Promise<void> {
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const total = Number.isNaN(length) ? undefined : start + length;
    const file = openSync(part, start > 0 ? "a" : "w");
    let written = start;
    try {
      for await (const chunk of response.body ?? []) {
        stall.restart();
        written += writeSync(file, chunk);
        this.#bytes = { bytesRead: written, bytesTotal: total };
      }
    } finally {
      closeSync(file);
    }
    if (total !== undefined && written !== total) {
      throw new Error(`it ended after ${written} of ${total} bytes`);
    }
  }

  #checkStatus(response: Response, have: number): void {
    const { status } = response;
    if (status === 200) return;
    const from = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
    if (status === 206 && Number(from) === have) return;
    if (status === 206 || status === 416) {
      rmSync(`${this.#file}.part`, { force: true });
      throw new Error(`the server did not go on at byte ${have}`);
    }
    if (status === 401 || status === 403) {
      throw new SourceError(this.name, `the server answers ${status}: check the user name and password`);
    }
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
      throw new SourceError(this.name, `the server answers ${status}`);
    }
    throw new Error(`the server answers ${status}`);
  }

  /** An error of the folder of downloads in the words of a user. */
  #diskError(error: unknown): SourceError | undefined {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (!/^(ENOSPC|EDQUOT|EFBIG|EACCES|EROFS|ENOTDIR|EEXIST|EIO)$/.test(code)) return undefined;
    const reason = code === "ENOSPC" ? "no space left" : code;
    return new SourceError(
      this.name,
      `cannot be saved to ${this.options.folder}: ${reason}; run again to go on when that is mended`,
    );
  }
}

/** What tells whether the file on the server is still the same: only a strong one will do. */
function validatorOf({ headers }: Response): string | null {
  const tag = headers.get("etag");
  return tag !== null && !tag.startsWith("W/") ? tag : headers.get("last-modified");
}

/** Aborts its signal when it is not restarted in time. */
class StallTimer {
  readonly #abort = new AbortController();
  readonly #timer = setTimeout(
    () => this.#abort.abort(new Error(`nothing came for ${STALL_MS / 1000} s`)),
    STALL_MS,
  );

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  restart(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
