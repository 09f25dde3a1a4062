/** Probability on the sky: multi-order maps, and the regions that hold a share of it. Pure. */

import { RADIANS_PER_DEGREE } from "./angles.ts";
import { CellSet } from "./cell-set.ts";
import { coverRegion, type Relate, ringRelation } from "./cover.ts";
import type { Vector } from "./frames.ts";
import { angleBetween, cellCentre, cellCount, cellOfPoint, FINEST_ORDER } from "./healpix.ts";

/** Cells of any orders, none within another, each with the density of probability in it. */
export interface SkyMap {
  readonly orders: Uint8Array;
  readonly cells: Float64Array;
  /** Probability per area, in any unit: what counts is how they compare. */
  readonly densities: Float64Array;
}

/** A localisation that makes no sense: says what and what was expected. */
export class SkyMapError extends Error {
  override readonly name = "SkyMapError";
}

/** Cells of a map that is made of a shape: enough that its border is smooth. */
const CELLS_OF_SHAPE = 20_000;
/** Cells across the shorter half of a shape of one density: a disc has as many as `CELLS_OF_SHAPE`. */
const CELLS_ACROSS = 80;

/**
 * The smallest regions that hold at least these shares of the probability: cells by falling density, those of one
 * density together. `levels` in percent, 0 … 100; regions in the same order. Throws `SkyMapError` for a map
 * without probability.
 */
export function credibleRegions(map: SkyMap, levels: readonly number[]): CellSet[] {
  const { orders, cells, densities } = map;
  const finest = orders.reduce((most, order) => Math.max(most, order), 0);
  const thresholds = thresholdsOf(map, levels);
  return thresholds.map((least) => {
    const region = function* (): Generator<[number, number]> {
      for (let index = 0; index < densities.length; index++) {
        if ((densities[index] ?? 0) >= least) yield [orders[index] ?? 0, cells[index] ?? 0];
      }
    };
    return CellSet.of(finest, region());
  });
}

/** For each level the least density that belongs to its region. */
function thresholdsOf({ orders, densities }: SkyMap, levels: readonly number[]): number[] {
  const counts = new Map<number, number>();
  let total = 0;
  densities.forEach((density, index) => {
    if (!(density > 0)) return;
    const order = orders[index] ?? 0;
    counts.set(order, (counts.get(order) ?? 0) + 1);
    total += density * areaOf(order);
  });
  if (!(total > 0 && Number.isFinite(total))) {
    throw new SkyMapError("the map holds no probability: expected some cells above zero");
  }
  const falling = [...counts].map(([order, count]) => {
    const own = new Float64Array(count);
    let filled = 0;
    densities.forEach((density, index) => {
      if (density > 0 && orders[index] === order) own[filled++] = density;
    });
    // Sorted as plain numbers, which is many times quicker than by a function.
    return { area: areaOf(order), densities: own.sort().reverse(), at: 0 };
  });
  const thresholds = new Map<number, number>();
  let held = 0;
  let last = Number.POSITIVE_INFINITY;
  for (const level of levels.toSorted((a, b) => a - b)) {
    // Rounding of sums must not ask for one more cell.
    const wanted = (level / 100) * total * (1 - 1e-12);
    while (held < wanted) {
      let next = falling[0];
      for (const list of falling) {
        if ((list.densities[list.at] ?? 0) > (next?.densities[next.at] ?? 0)) next = list;
      }
      const density = next?.densities[next.at];
      if (next === undefined || density === undefined) break;
      held += density * next.area;
      last = density;
      next.at++;
    }
    thresholds.set(level, last);
  }
  return levels.map((level) => thresholds.get(level) ?? 0);
}

/** The area of a cell, in cells of order 0. */
const areaOf = (order: number) => 4 ** -order;

/** A map of cells of one order, nested, from the first on: zero where it has none. */
export function flatMap(order: number, densities: Float64Array): SkyMap {
  return {
    orders: new Uint8Array(densities.length).fill(order),
    cells: Float64Array.from(densities, (_, cell) => cell),
    densities,
  };
}

/** Maps in other frames become maps of cells as fine as this, or of their own where these are finer. */
const TURNED_ORDER = 8;

/**
 * A map whose cells, all of one order, are those of another frame, in equatorial cells: each has the density at its
 * centre. They are finer than those of the map where it is coarse, so that borders stay where they were. `into`
 * takes equatorial vectors to the map's frame.
 */
export function turnedMap(order: number, densities: Float64Array, into: (point: Vector) => Vector): SkyMap {
  const own = Math.max(order, Math.min(order + 2, TURNED_ORDER));
  const turned = new Float64Array(cellCount(own));
  for (let cell = 0; cell < turned.length; cell++) {
    turned[cell] = densities[cellOfPoint(order, into(cellCentre(own, cell)))] ?? 0;
  }
  return flatMap(own, turned);
}

/**
 * A map of cells by their unique numbers, 4 · 4^order + cell. Throws `SkyMapError` for a number that is none, and for
 * a cell within another or twice: its probability would count twice.
 */
export function uniqMap(uniq: ArrayLike<number>, densities: ArrayLike<number>): SkyMap {
  if (uniq.length !== densities.length) {
    throw new SkyMapError(`${uniq.length} cells but ${densities.length} densities`);
  }
  const map = {
    orders: new Uint8Array(uniq.length),
    cells: new Float64Array(uniq.length),
    densities: Float64Array.from(densities),
  };
  for (let index = 0; index < uniq.length; index++) {
    const number = uniq[index] ?? Number.NaN;
    const order = Math.floor(Math.log2(number / 4) / 2);
    if (!Number.isSafeInteger(number) || number < 4 || order > FINEST_ORDER || number >= 16 * 4 ** order) {
      throw new SkyMapError(`cell ${number}: expected 4 * 4^order + cell, of an order up to ${FINEST_ORDER}`);
    }
    map.orders[index] = order;
    map.cells[index] = number - 4 * 4 ** order;
  }
  refuseOverlaps(map);
  return map;
}

function refuseOverlaps({ orders, cells }: SkyMap): void {
  const firsts = cells.map((cell, index) => cell * 4 ** (FINEST_ORDER - (orders[index] ?? 0)));
  const uniqOf = (index: number) => (cells[index] ?? 0) + 4 * 4 ** (orders[index] ?? 0);
  const ranks = Uint32Array.from(cells, (_, index) => index).sort(
    (a, b) => (firsts[a] ?? 0) - (firsts[b] ?? 0) || (orders[a] ?? 0) - (orders[b] ?? 0),
  );
  // The cell that reaches farthest of those before.
  let [outer, end] = [0, -1];
  for (const index of ranks) {
    const first = firsts[index] ?? 0;
    if (first < end) {
      const [inner, around] = [uniqOf(index), uniqOf(outer)];
      const what = inner === around ? "it is there twice" : `it lies within cell ${around}`;
      throw new SkyMapError(`cell ${inner}: ${what}`);
    }
    [outer, end] = [index, first + 4 ** (FINEST_ORDER - (orders[index] ?? 0))];
  }
}

/**
 * The map of a region whose probability is the same everywhere in it: all cells that hold a part of the region, fine
 * ones on its border. `width` is how thick the region is, in radians: such as the shorter semi-axis of an ellipse.
 * Along a border that is very long for this the cells are as coarse as `mostPartial` asks for.
 */
export function uniformMap(relate: Relate, width: number, mostPartial = CELLS_OF_SHAPE): SkyMap {
  const wanted = Math.ceil(Math.log2((CELLS_ACROSS * Math.sqrt(Math.PI / 3)) / width));
  const order = Math.max(3, Math.min(FINEST_ORDER, wanted));
  const all = [...new CellSet(order, coverRegion(relate, { order, mostPartial })).cells()];
  return {
    orders: Uint8Array.from(all, ([own]) => own),
    cells: Float64Array.from(all, ([, cell]) => cell),
    densities: new Float64Array(all.length).fill(1),
  };
}

/**
 * The map of a shape whose `density` changes from point to point: cells of one size. It lies within `reach` radians
 * of its centre, where its density is highest and above zero: the cell there is always among those of the map.
 */
export function shapeMap(
  relate: Relate,
  centre: Vector,
  reach: number,
  density: (point: Vector) => number,
): SkyMap {
  const share = Math.max(1e-18, (1 - Math.cos(Math.min(Math.PI, reach))) / 2);
  const wanted = Math.ceil(Math.log(CELLS_OF_SHAPE / (12 * share)) / Math.log(4));
  const order = Math.max(3, Math.min(FINEST_ORDER, wanted));
  const middle = cellOfPoint(order, centre);
  const cells: number[] = [];
  const densities: number[] = [];
  const ranges = coverRegion(relate, { order, mostPartial: Number.POSITIVE_INFINITY });
  for (const [first, last] of ranges) {
    for (let cell = first; cell <= last; cell++) {
      const value = density(cell === middle ? centre : cellCentre(order, cell));
      if (value <= 0) continue;
      cells.push(cell);
      densities.push(value);
    }
  }
  return {
    orders: new Uint8Array(cells.length).fill(order),
    cells: Float64Array.from(cells),
    densities: Float64Array.from(densities),
  };
}

/** A Gaussian round a position in degrees, of this standard deviation (degrees) along each axis, to 4 of them. */
export function gaussianMap(centre: Vector, sigma: number): SkyMap {
  if (!(sigma > 0 && sigma <= 180))
    throw new SkyMapError("the error must be above 0 and at most 180 degrees");
  const radians = sigma * RADIANS_PER_DEGREE;
  const reach = Math.min(Math.PI, 4 * radians);
  return shapeMap(ringRelation(centre, reach), centre, reach, (point) => {
    const away = angleBetween(centre, point) / radians;
    return away > 4 ? 0 : Math.exp(-(away * away) / 2);
  });
}
