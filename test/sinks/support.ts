/** Matches made by hand, a store that holds them, and patience. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Match } from "../../src/filters/index.ts";
import {
  type AlertWriter,
  openEmbeddedStore,
  openEmbeddedWriter,
  type Store,
} from "../../src/store/index.ts";
import { matchBatch } from "../support/matches.ts";

/** A match of filter 1 of group 1 unless told otherwise. */
export function matchFor(candid: bigint, objectId: string, more: Partial<Match> = {}): Match {
  const { group_id = 1, filter_id = 1 } = more;
  return {
    filter: `${group_id}/${filter_id}`,
    group_id,
    filter_id,
    fid: "aaaaaa",
    survey: "ZTF",
    candid,
    objectId,
    jd: 2460229.9338542,
    annotations: { n: Number(candid % 1000n) },
    permissions: [1],
    update_annotations: false,
    autosave: false,
    auto_followup: null,
    passed_at: new Date(1_700_000_000_000),
    backfill: false,
    ...more,
  };
}

export interface TestStore extends AsyncDisposable {
  readonly dataDir: string;
  readonly store: Store;
  readonly writer: AlertWriter;
  add(...matches: readonly Match[]): Promise<void>;
}

export async function openTestStore(): Promise<TestStore> {
  const dataDir = mkdtempSync(join(tmpdir(), "kowalski-sinks-"));
  const store = await openEmbeddedStore({ dataDir });
  const writer = await openEmbeddedWriter({ dataDir });
  return {
    dataDir,
    store,
    writer,
    async add(...matches) {
      await writer.write(matchBatch(matches));
    },
    async [Symbol.asyncDispose]() {
      await writer.close();
      await store.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The store with another way of doing some things. */
export function storeWith(store: Store, changed: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(changed, name)) return Reflect.get(changed, name);
      const found: unknown = Reflect.get(target, name);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}

/** Resolves when the condition holds; throws what it waited for when it takes too long. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 20_000) {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await Bun.sleep(10);
  }
}
