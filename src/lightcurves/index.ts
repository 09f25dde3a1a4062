/** Light curves of objects: read, merged, written as tables, drawn. What other rooms import. */
export { csvOf, rowOf, UNITS, type Units } from "./csv.ts";
export { type LightCurvePoint, lightCurveOf } from "./light-curve.ts";
export { plotSvg } from "./plot.ts";
export { type ObjectPhotometry, readPhotometry } from "./stored.ts";
