/** What a localisation is made of: plain values, to travel to the thread that works on it. */

export type SkymapSource =
  /** Multi-order cells by their unique numbers, with densities of probability. */
  | { readonly kind: "cells"; readonly uniq: Float64Array; readonly densities: Float64Array }
  /** A HEALPix file: flat or multi-order, gzipped or not. */
  | { readonly kind: "fits"; readonly bytes: Uint8Array }
  /** A Gaussian; degrees. */
  | { readonly kind: "cone"; readonly ra: number; readonly dec: number; readonly error: number }
  /** Uniform inside; degrees. */
  | { readonly kind: "polygon"; readonly corners: readonly (readonly [ra: number, dec: number])[] }
  /** Uniform inside; semi-axes and position angle (east of north) in degrees. */
  | {
      readonly kind: "ellipse";
      readonly ra: number;
      readonly dec: number;
      readonly semiMajor: number;
      readonly semiMinor: number;
      readonly positionAngle: number;
    };

/** A part of the sky where the event cannot be: what the Earth hides from a satellite; degrees. */
export interface Hidden {
  readonly ra: number;
  readonly dec: number;
  readonly radius: number;
}

export interface BuildRequest {
  readonly source: SkymapSource;
  readonly hidden?: Hidden;
  /** Percent. */
  readonly levels: readonly number[];
}

/** A credible region. */
export interface BuiltContour {
  readonly level: number;
  /** Bytes of a `CellSet` of the sky room. */
  readonly cells: Uint8Array;
  /** `coordinates` of a GeoJSON MultiPolygon: right ascension less 180. */
  readonly polygons: readonly (readonly (readonly (readonly [longitude: number, latitude: number])[])[])[];
}

export interface Built {
  /** The mean position by probability: right ascension, declination, degrees. */
  readonly centre: readonly [ra: number, dec: number];
  readonly contours: readonly BuiltContour[];
}

/** What the thread answers. */
export type BuildAnswer =
  | { readonly built: Built }
  | { readonly refused: string }
  | { readonly failed: string };
