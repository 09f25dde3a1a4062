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

const ATTEMPTS = 6;
const FIRST_WAIT_MS = 500;

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

  async *batches(position: string | undefined, signal: AbortSignal): AsyncGenerator<PacketBatch> {
    mkdirSync(this.options.folder, { recursive: true });
    if (!existsSync(this.#file)) await this.#download(signal);
    if (signal.aborted) return;
    const { limits } = this.options;
    this.#local = fileSource(this.#file, { name: this.name, ...(limits === undefined ? {} : { limits }) });
    for await (const batch of this.#local.batches(position, signal)) {
      yield batch;
      // Asked for the next batch after the last: the last one is stored.
      if (batch.done) rmSync(this.#file, { force: true });
    }
  }

  async #download(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#fetchRest(signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof SourceError) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        if (attempt === ATTEMPTS) {
          throw new SourceError(
            this.name,
            `the download broke ${ATTEMPTS} times, last: ${reason}; run again to resume it`,
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
    const response = await fetch(this.#address, { headers, signal, decompress: false });
    this.#checkStatus(response);
    const resumes = response.status === 206;
    const strong =
      response.headers.get("etag")?.startsWith("W/") === true ? null : response.headers.get("etag");
    writeFileSync(noteFile, JSON.stringify({ validator: strong ?? response.headers.get("last-modified") }));
    const length = Number(response.headers.get("content-length") ?? Number.NaN);
    const start = resumes ? have : 0;
    const total = Number.isNaN(length) ? undefined : start + length;
    const file = openSync(part, resumes ? "a" : "w");
    let written = start;
    try {
      for await (const chunk of response.body ?? []) {
        written += writeSync(file, chunk);
        this.#bytes = { bytesRead: written, bytesTotal: total };
      }
    } finally {
      closeSync(file);
    }
    if (total !== undefined && written !== total) {
      throw new Error(`it ended after ${written} of ${total} bytes`);
    }
    renameSync(part, this.#file);
    rmSync(noteFile, { force: true });
  }

  #checkStatus(response: Response): void {
    const { status } = response;
    if (status === 200 || status === 206) return;
    if (status === 401 || status === 403) {
      throw new SourceError(this.name, `the server answers ${status}: check the user name and password`);
    }
    if (status >= 400 && status < 500 && status !== 408 && status !== 416 && status !== 429) {
      throw new SourceError(this.name, `the server answers ${status}`);
    }
    if (status === 416) rmSync(`${this.#file}.part`, { force: true });
    throw new Error(`the server answers ${status}`);
  }
}
