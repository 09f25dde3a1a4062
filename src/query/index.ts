/** The query language: what other rooms import. */
export { Deadline, tick } from "./deadline.ts";
export { QueryError, type QueryErrorKind } from "./errors.ts";
export { printJson } from "./json-print.ts";
export { type JsonOptions, parseJson } from "./json-text.ts";
export { compareNumbers, compareStrings, compareValues, equalValues } from "./order.ts";
export {
  type Document,
  double,
  getField,
  isDocument,
  type Scalar,
  setField,
  type TypeName,
  truthy,
  typeOf,
  type Value,
} from "./values.ts";
