/** Catalogues from files: what other rooms import. */

export { COORDINATE_UNITS, type CoordinateUnit } from "./coordinates.ts";
export { describeCatalog, listCatalogs } from "./describe.ts";
export { columnsOf, type FitsColumn } from "./fits/columns.ts";
export { dataSize, FitsError, Header } from "./fits/header.ts";
export {
  columnIndex,
  type FoundBadRow,
  type LoadEvents,
  type LoadRequest,
  type LoadState,
  LoadStopped,
  type LoadTotals,
  loadCatalog,
} from "./load.ts";
export { completeSpec, PRESETS, presetNamed } from "./presets/index.ts";
export { type CatalogSpec, nameProblem } from "./spec.ts";
export { COLUMN_TYPES, type ColumnType, TableError } from "./table.ts";
