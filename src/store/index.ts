/** The stores Kowalski can keep alerts in: what other rooms import. */
export type { AlertCollections, AlertRecord, Cutout, HistoryMerge, HistoryUpdate } from "./alert-record.ts";
export {
  type BegunLoad,
  CATALOGS,
  type CatalogEncoder,
  type CatalogLoad,
  type CatalogWriter,
  type EncodedRows,
  isHidden,
} from "./catalog.ts";
export {
  type CatalogReader,
  type CatalogState,
  type Cone,
  POSITION_PATH,
  type PositionPiece,
  positionOf,
  type RowKey,
} from "./catalog-reader.ts";
export type { ConesRequest, ConeTarget } from "./cones.ts";
export { openEmbeddedReader, type ReaderOptions } from "./embedded/alert-reader.ts";
export { type EncoderOptions, embeddedEncoder } from "./embedded/encoder.ts";
export { decodeDocument, encodeDocument } from "./embedded/encoding.ts";
export { lockServe } from "./embedded/lock.ts";
export { openEmbeddedStore, type StoreOptions } from "./embedded/store.ts";
export { openEmbeddedWriter, type WriterOptions } from "./embedded/writer.ts";
export { POSITION_INDEX } from "./indexes.ts";
export {
  alertEncoder,
  catalogEncoder,
  openAlertReader,
  openAlertWriter,
  openCatalogWriter,
  openStore,
  type StoreSettings,
} from "./open.ts";
export * from "./store.ts";
