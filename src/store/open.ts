/** Opens the store that settings name: the same four faces, whichever it is. */
import type { CatalogEncoder, CatalogWriter } from "./catalog.ts";
import { openEmbeddedReader } from "./embedded/alert-reader.ts";
import { embeddedCatalogEncoder } from "./embedded/catalog-encoder.ts";
import { openEmbeddedCatalogWriter } from "./embedded/catalog-writer.ts";
import { type EncoderOptions, embeddedEncoder } from "./embedded/encoder.ts";
import { openEmbeddedStore } from "./embedded/store.ts";
import { openEmbeddedWriter } from "./embedded/writer.ts";
import type { MongoOptions } from "./mongo/client.ts";
import { mongoEncoder } from "./mongo/encoder.ts";
import type { AlertEncoder, AlertReader, AlertWriter, IndexDescription, Store } from "./store.ts";

/** Which store, and how it is reached: plain values, to travel between threads. */
export type StoreSettings =
  | { readonly kind: "embedded"; readonly dataDir: string }
  | ({ readonly kind: "mongo" } & MongoOptions);

/**
 * For queries and small documents; `readers` is the number of the embedded store's reader threads. Throws
 * `StoreError`.
 */
export async function openStore(
  settings: StoreSettings,
  options: { readonly readers?: number } = {},
): Promise<Store> {
  if (settings.kind === "embedded") return openEmbeddedStore({ ...settings, ...options });
  // MongoDB's driver is loaded only where it is used: it would double the time of a start.
  const { openMongoStore } = await import("./mongo/store.ts");
  return openMongoStore(settings);
}

/** For the thread that stores alerts. Throws `StoreError`. */
export async function openAlertWriter(
  settings: StoreSettings,
  options: { readonly followReported?: boolean } = {},
): Promise<AlertWriter> {
  if (settings.kind === "embedded") return openEmbeddedWriter({ ...settings, ...options });
  const { openMongoWriter } = await import("./mongo/writer.ts");
  return openMongoWriter({ ...settings, ...options });
}

/** For threads that run filters. The embedded store's folder must exist. Throws `StoreError`. */
export async function openAlertReader(settings: StoreSettings): Promise<AlertReader> {
  if (settings.kind === "embedded") return openEmbeddedReader(settings);
  const { openMongoReader } = await import("./mongo/alert-reader.ts");
  return openMongoReader(settings);
}

/** For threads that decode packets. */
export function alertEncoder(settings: StoreSettings, options: EncoderOptions = {}): AlertEncoder {
  return settings.kind === "mongo" ? mongoEncoder(options) : embeddedEncoder(options);
}

/** For the thread that loads a catalogue. Throws `StoreError`. */
export async function openCatalogWriter(settings: StoreSettings): Promise<CatalogWriter> {
  if (settings.kind === "embedded") return openEmbeddedCatalogWriter(settings);
  const { openMongoCatalogWriter } = await import("./mongo/catalog-writer.ts");
  return openMongoCatalogWriter(settings);
}

/** For threads that read catalogues; `indexes` are those of the collection. */
export async function catalogEncoder(
  settings: StoreSettings,
  indexes: readonly IndexDescription[],
): Promise<CatalogEncoder> {
  if (settings.kind === "embedded") return embeddedCatalogEncoder(indexes);
  const { mongoCatalogEncoder } = await import("./mongo/catalog-writer.ts");
  return mongoCatalogEncoder();
}
