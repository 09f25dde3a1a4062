/**
 * HEALPix cells in the nested scheme (Górski et al. 2005, ApJ 622, 759): the sphere in 12 · 4^order cells of
 * equal area, numbered so that the cells within a cell follow each other. Exact up to the poles and on the
 * meridians where base cells meet; orders up to 24, whose numbers are exact doubles. Pure.
 */
import { DEGREES_PER_RADIAN, RADIANS_PER_DEGREE } from "./angles.ts";
import type { Vector } from "./frames.ts";

/** The finest order: cells of 0.01 arcsec, whose numbers are below 2^53. */
export const FINEST_ORDER = 24;
/** Cells of order 0. */
const FACES = 12;
/** For each face: its southernmost corner's ring and its longitude, in units of a side and of π/4. */
const FACE_RING = [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4] as const;
const FACE_LONGITUDE = [1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7] as const;
const HALF_PI = Math.PI / 2;
/** From here to the pole the sine of the distance is used: 1 − z has lost its digits. */
const NEAR_POLE = 0.99;

/** Number of cells at an order. */
export function cellCount(order: number): number {
  return FACES * 4 ** order;
}

/** The cell that a position in degrees lies in. The longitude may have any value; the latitude −90 … 90. */
export function cellAt(order: number, longitude: number, latitude: number): number {
  const side = 2 ** order;
  const z = Math.sin(latitude * RADIANS_PER_DEGREE);
  const height = Math.abs(z);
  // In quarters of a turn, 0 … 4; exact for whole degrees.
  const turned = (longitude % 360) / 90;
  const turn = turned < 0 ? Math.min(turned + 4, 4 - Number.EPSILON * 2) : turned;
  if (height <= 2 / 3) {
    const along = side * (0.5 + turn);
    const up = side * z * 0.75;
    const p = Math.floor(along - up);
    const m = Math.floor(along + up);
    const faceP = Math.floor(p / side);
    const faceM = Math.floor(m / side);
    // Of the four equatorial faces the fourth's right half lies beyond a whole turn.
    const face = faceP === faceM ? (faceP % 4) + 4 : faceP < faceM ? faceP : faceM + 8;
    return cellOfFace(order, face, m % side, side - (p % side) - 1);
  }
  const quarter = Math.min(3, Math.floor(turn));
  const within = turn - quarter;
  const sine = Math.cos(latitude * RADIANS_PER_DEGREE);
  const rings =
    height < NEAR_POLE ? side * Math.sqrt(3 * (1 - height)) : (side * sine) / Math.sqrt((1 + height) / 3);
  const p = Math.min(side - 1, Math.floor(within * rings));
  const m = Math.min(side - 1, Math.floor((1 - within) * rings));
  return z >= 0
    ? cellOfFace(order, quarter, side - m - 1, side - p - 1)
    : cellOfFace(order, quarter + 8, p, m);
}

/** The cell that a vector of any length points into. */
export function cellOfPoint(order: number, [x, y, z]: Vector): number {
  const longitude = Math.atan2(y, x) * DEGREES_PER_RADIAN;
  return cellAt(order, longitude, Math.atan2(z, Math.hypot(x, y)) * DEGREES_PER_RADIAN);
}

function cellOfFace(order: number, face: number, x: number, y: number): number {
  const low = spread(x & 0xfff) + 2 * spread(y & 0xfff);
  return face * 4 ** order + low + 2 ** 24 * (spread(x >>> 12) + 2 * spread(y >>> 12));
}

/** Puts a zero before each of twelve bits. */
function spread(bits: number): number {
  let v = bits;
  v = (v | (v << 8)) & 0xff00ff;
  v = (v | (v << 4)) & 0xf0f0f0f;
  v = (v | (v << 2)) & 0x33333333;
  return (v | (v << 1)) & 0x55555555;
}

function gather(bits: number): number {
  let v = bits & 0x55555555;
  v = (v | (v >>> 1)) & 0x33333333;
  v = (v | (v >>> 2)) & 0xf0f0f0f;
  v = (v | (v >>> 4)) & 0xff00ff;
  return (v | (v >>> 8)) & 0xffff;
}

/** Where a cell lies: its face, 0 … 11, and its column and row there. */
export function placeOf(order: number, cell: number): { face: number; x: number; y: number } {
  const perFace = 4 ** order;
  const face = Math.floor(cell / perFace);
  const within = cell - face * perFace;
  const low = within % 2 ** 24;
  const high = Math.floor(within / 2 ** 24);
  return {
    face,
    x: gather(low) + 4096 * gather(high),
    y: gather(low >>> 1) + 4096 * gather(high >>> 1),
  };
}

/** The cell at a column and row of a face. */
export function cellAtPlace(order: number, face: number, x: number, y: number): number {
  return cellOfFace(order, face, x, y);
}

/** Unit vector of a point of a face; `x` and `y` run from its south corner along its sides, 0 … 1. */
export function facePoint(face: number, x: number, y: number): Vector {
  const ring = (FACE_RING[face] ?? 0) - x - y;
  let z: number;
  let sine: number;
  let width = 1;
  if (ring >= 1 && ring <= 3) {
    z = ((2 - ring) * 2) / 3;
    sine = Math.sqrt((1 - z) * (1 + z));
  } else {
    width = ring < 1 ? ring : 4 - ring;
    const depth = (width * width) / 3;
    z = ring < 1 ? 1 - depth : depth - 1;
    sine = Math.sqrt(depth * (2 - depth));
  }
  if (width < 1e-15) return [0, 0, z];
  const eighths = (FACE_LONGITUDE[face] ?? 0) * width + x - y;
  const longitude = (0.5 * HALF_PI * eighths) / width;
  return [sine * Math.cos(longitude), sine * Math.sin(longitude), z];
}

/** Unit vector of the centre of a cell. */
export function cellCentre(order: number, cell: number): Vector {
  const { face, x, y } = placeOf(order, cell);
  const side = 2 ** order;
  return facePoint(face, (x + 0.5) / side, (y + 0.5) / side);
}

/** No point of any cell of an order is farther from the cell's centre, radians. */
export function cellRadius(order: number): number {
  return RADII[order] ?? radiusAt(order);
}

/** The farthest corner is that of the cells where the polar caps begin (as healpix's `max_pixrad`). */
function radiusAt(order: number): number {
  const side = 2 ** order;
  const edge = 1 - 1 / side;
  const a = atHeight(2 / 3, Math.PI / (4 * side));
  const b = atHeight(1 - (edge * edge) / 3, 0);
  return angleBetween(a, b);
}

function atHeight(z: number, longitude: number): Vector {
  const sine = Math.sqrt((1 - z) * (1 + z));
  return [sine * Math.cos(longitude), sine * Math.sin(longitude), z];
}

/** The angle between two unit vectors, radians; exact for small ones too. */
export function angleBetween(a: Vector, b: Vector): number {
  const cross = Math.hypot(a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]);
  return Math.atan2(cross, a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}

const RADII: readonly number[] = Array.from({ length: FINEST_ORDER + 1 }, (_, order) => radiusAt(order));

/**
 * The cell in the nested scheme of one in the ring scheme, in which cells are counted along circles of
 * latitude from the north pole.
 */
export function nestedOfRing(order: number, ring: number): number {
  const side = 2 ** order;
  const polar = 2 * side * (side - 1);
  const all = cellCount(order);
  if (ring < polar) {
    const row = Math.floor((1 + Math.sqrt(1 + 2 * ring)) / 2);
    const inRow = ring - 2 * row * (row - 1);
    return fromRing(order, row, inRow, row, 0, Math.floor(inRow / row));
  }
  if (ring < all - polar) {
    const ip = ring - polar;
    const row = Math.floor(ip / (4 * side)) + side;
    const inRow = ip % (4 * side);
    const shift = (row + side) % 2 === 0 ? 1 : 0;
    const ire = row - side + 1;
    const irm = 2 * side + 2 - ire;
    const faceM = Math.floor((inRow + 1 - Math.floor(ire / 2) + side - 1) / side);
    const faceP = Math.floor((inRow + 1 - Math.floor(irm / 2) + side - 1) / side);
    const face = faceP === faceM ? (faceP % 4) + 4 : faceP < faceM ? faceP : faceM + 8;
    return fromRing(order, row, inRow, side, 1 - shift, face);
  }
  const ip = all - ring;
  const row = Math.floor((1 + Math.sqrt(2 * ip - 1)) / 2);
  const inRow = 4 * row - (ip - 2 * row * (row - 1));
  return fromRing(order, 4 * side - row, inRow, row, 0, 8 + Math.floor(inRow / row));
}

/** The cell at a place in a ring of `4 * length` cells; `shift` is 1 where the ring begins at the meridian. */
function fromRing(
  order: number,
  row: number,
  inRow: number,
  length: number,
  shift: number,
  face: number,
): number {
  const side = 2 ** order;
  const down = row - (FACE_RING[face] ?? 0) * side + 1;
  let right = 2 * (inRow + 1) - (FACE_LONGITUDE[face] ?? 0) * length - shift - 1;
  if (right >= 2 * side) right -= 8 * side;
  return cellOfFace(order, face, (right - down) / 2, (-right - down) / 2);
}
