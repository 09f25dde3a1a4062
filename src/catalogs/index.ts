/** Catalogues from files: what other rooms import. */

export { COORDINATE_UNITS, type CoordinateUnit } from "./coordinates.ts";
export { type CatalogDescription, describeCatalog, listCatalogs } from "./describe.ts";
export { columnsOf, type FitsColumn } from "./fits/columns.ts";
export { dataSize, FitsError, Header } from "./fits/header.ts";
export { type CatalogJob, CatalogJobs } from "./jobs.ts";
export {
  columnIndex,
  type FoundBadRow,
  type LoadEvents,
  type LoadOptions,
  type LoadRequest,
  type LoadState,
  LoadStopped,
  type LoadTotals,
  loadCatalog,
  NothingStored,
} from "./load.ts";
export { completeSpec, PRESETS, presetNamed } from "./presets/index.ts";
export {
  type CatalogSpec,
  checkIndexFields,
  checkName,
  parseColumns,
  parseDelimiter,
  parseUnits,
  SpecError,
} from "./spec.ts";
export { TableError } from "./table.ts";
