/**
 * What an index can use of a find filter or leading `$match`.
 *
 * A `Bounds` describes a superset of the matching documents; the compiled matcher decides. Stores walk
 * it and use the parts for which they have an index.
 */
import type { Value } from "./values.ts";

/** A position on the sky in degrees: longitude −180…180 (ra − 180), latitude −90…90. */
export type LonLat = readonly [longitude: number, latitude: number];

/** A region of the sphere; angles in degrees. */
export type Region =
  | { readonly kind: "cone"; readonly center: LonLat; readonly radius: number; readonly minRadius?: number }
  /** Edges are great circles; the smaller side of the first ring is inside. */
  | { readonly kind: "polygon"; readonly rings: readonly (readonly LonLat[])[] }
  /** Edges are lines of constant longitude and latitude. */
  | { readonly kind: "box"; readonly min: LonLat; readonly max: LonLat }
  /** HEALPix cells (nested) of an order in right ascension (longitude + 180) and declination; both ends included. */
  | {
      readonly kind: "cells";
      readonly order: number;
      readonly ranges: readonly (readonly [first: number, last: number])[];
    }
  | { readonly kind: "union"; readonly regions: readonly Region[] };

export type Bounds =
  /** Nothing usable: every document may match. */
  | { readonly kind: "all" }
  /** No document can match. */
  | { readonly kind: "none" }
  | { readonly kind: "and"; readonly parts: readonly Bounds[] }
  | { readonly kind: "or"; readonly parts: readonly Bounds[] }
  /** Some value at `path` equals (BSON equality, numbers across types) one of `values`; null also means missing. */
  | { readonly kind: "in"; readonly path: string; readonly values: readonly Value[] }
  /** Some value at `path` lies between the bounds, bracketed to their BSON type. */
  | {
      readonly kind: "range";
      readonly path: string;
      readonly min?: Value;
      readonly minInclusive: boolean;
      readonly max?: Value;
      readonly maxInclusive: boolean;
    }
  /** The GeoJSON point (or legacy pair) at `path` lies in the region. */
  | { readonly kind: "region"; readonly path: string; readonly region: Region };
