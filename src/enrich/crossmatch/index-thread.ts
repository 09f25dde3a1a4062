/** A thread that builds the index of one catalogue beside everything else. */
import { openAlertReader, type StoreSettings } from "../../store/index.ts";
import { giveWay } from "../../telemetry/niceness.ts";
import { type BuildResult, buildSkyIndex } from "./build-index.ts";

declare const self: Worker;

/** It gives way to all others: until it is done the store is asked. */
const NICENESS = 15;

export interface IndexRequest {
  readonly store: StoreSettings;
  readonly dataDir: string;
  readonly catalog: string;
}

export type IndexAnswer = { readonly result: BuildResult } | { readonly error: string };

self.onmessage = async ({ data }: MessageEvent<IndexRequest>) => {
  self.postMessage(await build(data));
};

async function build({ store, dataDir, catalog }: IndexRequest): Promise<IndexAnswer> {
  giveWay(NICENESS);
  try {
    const reader = await openAlertReader(store);
    try {
      return { result: await buildSkyIndex(reader.catalogs, { dataDir, catalog }) };
    } finally {
      reader.close();
    }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
