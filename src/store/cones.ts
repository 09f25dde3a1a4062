/** Searches round many positions: the request, and what both stores do with a document that was found. */
import {
  type Document,
  distanceFrom,
  double,
  getField,
  isDocument,
  type NearQuery,
  setField,
  type Value,
} from "../query/index.ts";
import { DEGREES_PER_RADIAN, RADIANS_PER_DEGREE } from "../sky/index.ts";
import type { SortSpec } from "./store.ts";

/** A position to search round. */
export interface ConeTarget {
  /** Under which its documents are answered. */
  readonly key: string;
  /** Degrees: right ascension less 180 (−180 … 180), declination. */
  readonly longitude: number;
  readonly latitude: number;
}

export interface ConesRequest {
  readonly collection: string;
  readonly targets: readonly ConeTarget[];
  /** Degrees; both ends belong to the search. */
  readonly radius: number;
  readonly minRadius?: number;
  readonly filter: Document;
  readonly projection?: Document;
  /** Whether the documents of each target come nearest first, when there is no `sort`. */
  readonly nearestFirst?: boolean;
  /** Whether documents get `coordinates.distance_arcsec`, behind the projection. */
  readonly withDistance?: boolean;
  /** These hold for each target. */
  readonly sort?: SortSpec;
  readonly skip?: number;
  readonly limit?: number;
  readonly hint?: string | Document;
  /** Milliseconds for all targets together. */
  readonly maxTimeMs: number;
  readonly comment?: string;
}

/** The search round one target as the query language understands it. */
export function nearQueryOf(
  target: ConeTarget,
  { radius, minRadius = 0 }: Pick<ConesRequest, "radius" | "minRadius">,
): NearQuery {
  return {
    center: [target.longitude, target.latitude],
    metric: "radians",
    min: minRadius * RADIANS_PER_DEGREE,
    // Rounding must not lose the antipode.
    max: radius >= 180 ? Number.POSITIVE_INFINITY : radius * RADIANS_PER_DEGREE,
  };
}

/** The distance of a document from a target in radians; undefined where it has no position or lies elsewhere. */
export function distanceWithin(near: NearQuery, document: Document): number | undefined {
  const distance = distanceFrom(near, placeOf(document));
  return distance !== undefined && distance >= near.min && distance <= near.max ? distance : undefined;
}

/** What stands where a document has its position. */
export function placeOf(document: Document): Value | undefined {
  const coordinates = getField(document, "coordinates");
  return isDocument(coordinates) ? getField(coordinates, "radec_geojson") : undefined;
}

/** A copy of a projected document with `coordinates.distance_arcsec`. */
export function withDistance(document: Document, radians: number): Document {
  const copy: Document = { ...document };
  const coordinates = getField(copy, "coordinates");
  const known = isDocument(coordinates) ? coordinates : {};
  const distance = double(radians * DEGREES_PER_RADIAN * 3600);
  setField(copy, "coordinates", { ...known, distance_arcsec: distance });
  return copy;
}

/** Targets by declination: which of them a document may be near to. */
export class TargetRows {
  readonly #order: readonly { readonly index: number; readonly latitude: number }[];

  constructor(
    targets: readonly ConeTarget[],
    readonly radius: number,
  ) {
    this.#order = targets
      .map(({ latitude }, index) => ({ index, latitude }))
      .sort((a, b) => a.latitude - b.latitude);
  }

  /** Indexes of those whose declination is near enough. */
  *near(document: Document): Generator<number> {
    const fromNorth = distanceFrom(FROM_NORTH, placeOf(document));
    if (fromNorth === undefined) return;
    const latitude = 90 - fromNorth * DEGREES_PER_RADIAN;
    const reach = this.radius + 1e-6;
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#order[middle]?.latitude ?? 0) < latitude - reach) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#order.length; low++) {
      const target = this.#order[low];
      if (target === undefined || target.latitude > latitude + reach) return;
      yield target.index;
    }
  }
}

const FROM_NORTH = { center: [0, 90], metric: "radians", min: 0, max: Number.POSITIVE_INFINITY } as const;
