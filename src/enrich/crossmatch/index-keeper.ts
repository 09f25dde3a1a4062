/**
 * Keeps the index files of the catalogues that objects are matched with: builds what is missing or out of date, one
 * after the other, on a thread that ends when it is done.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type AlertReader, openAlertReader, type StoreSettings } from "../../store/index.ts";
import { MOST_ROWS } from "./build-index.ts";
import type { IndexAnswer, IndexRequest } from "./index-thread.ts";
import { crossMatchRules, isLive } from "./rules.ts";
import type { CrossMatchSettings } from "./settings.ts";
import { SkyIndex, skyIndexFile, skyIndexFolder } from "./sky-index.ts";

/** How often catalogues are looked at, milliseconds. One that is being written to is left until it rests. */
const LOOK_MS = 5000;

export interface KeeperListener {
  /** What operators should know. */
  log(level: "info" | "warn", message: string): void;
}

export class IndexKeeper {
  readonly #catalogs: readonly string[];
  /** Marks at the last look. */
  readonly #seen = new Map<string, string>();
  /** Marks that need nothing more: indexed, or known not to be indexed. */
  readonly #settled = new Map<string, string>();
  #timer: Timer | undefined;
  #worker: Worker | undefined;
  #reader: AlertReader | undefined;
  #stopped = false;

  constructor(
    readonly store: StoreSettings,
    readonly settings: CrossMatchSettings,
    readonly listener: KeeperListener,
  ) {
    const named = [...crossMatchRules(settings.catalogs).values()].flat().map(({ catalog }) => catalog);
    this.#catalogs = [...new Set(named)].filter((catalog) => !isLive(catalog));
  }

  /** Begins to look; resolves after the first look. The store must be there. */
  async start(): Promise<void> {
    if (this.#catalogs.length === 0) return;
    this.#reader = await openAlertReader(this.store);
    await this.#removeOrphans();
    await this.#look(true);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#reader?.close();
  }

  async #look(isFirst: boolean): Promise<void> {
    try {
      const states = await this.#reader?.catalogs.states(this.#catalogs, { fresh: true });
      for (const [catalog, { mark, rows }] of states ?? []) {
        const rests = isFirst || this.#seen.get(catalog) === mark;
        this.#seen.set(catalog, mark);
        if (this.#stopped || this.#worker !== undefined || !rests || rows === 0) continue;
        if (this.#settled.get(catalog) === mark) continue;
        this.#settled.set(catalog, mark);
        if (this.#isIndexed(catalog, mark)) continue;
        if (rows > MOST_ROWS) this.listener.log("info", `${catalog} has ${rows} rows: the store is asked`);
        else this.#build(catalog);
      }
    } catch (error) {
      this.listener.log("warn", `indexes of catalogues: ${error instanceof Error ? error.message : error}`);
    }
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(false), LOOK_MS);
  }

  #isIndexed(catalog: string, mark: string): boolean {
    const head = SkyIndex.open(skyIndexFile(this.settings.dataDir, catalog))?.head;
    return head?.mark === mark && head.catalog === catalog;
  }

  #build(catalog: string): void {
    const began = performance.now();
    const worker = new Worker(new URL("./index-thread.ts", import.meta.url).href, { smol: true });
    this.#worker = worker;
    const end = (message: string, level: "info" | "warn" = "warn") => {
      if (this.#worker !== worker) return;
      worker.terminate();
      this.#worker = undefined;
      this.listener.log(level, `index of ${catalog}: ${message}`);
      if (this.#stopped) return;
      // Others may wait for it.
      clearTimeout(this.#timer);
      void this.#look(false);
    };
    worker.onmessage = ({ data }: MessageEvent<IndexAnswer>) => {
      if ("error" in data) return end(data.error);
      if (data.result === "changed") this.#settled.delete(catalog);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      end(`${data.result} in ${seconds} s`, "info");
    };
    worker.onerror = (event) => end(event.message);
    const { store, settings } = this;
    worker.postMessage({ store, dataDir: settings.dataDir, catalog } satisfies IndexRequest);
  }

  /** Removes the indexes of catalogues that are gone. */
  async #removeOrphans(): Promise<void> {
    let names: string[];
    try {
      names = readdirSync(skyIndexFolder(this.settings.dataDir));
    } catch {
      return;
    }
    for (const name of names.filter((each) => each.endsWith(".index"))) {
      const path = join(skyIndexFolder(this.settings.dataDir), name);
      const catalog = SkyIndex.open(path)?.head.catalog;
      const states = await this.#reader?.catalogs.states([catalog ?? ""], { fresh: true });
      if (catalog === undefined || states?.has(catalog) === false) rmSync(path, { force: true });
    }
  }
}
