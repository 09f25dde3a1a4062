/**
 * Which polygons are good: those that MongoDB takes (S2 geometry, `S2Loop::IsValid` and `S2Polygon::IsValid`).
 *
 * No ring meets itself; each hole lies in the outer ring, outside of the other holes, and shares no edge with any
 * ring and at most one corner with the outer one.
 */
import { tick } from "../deadline.ts";
import { crossingArcs, emptyBox, extendBox, inBox } from "./geo-arcs.ts";
import type { Vector } from "./geo-geometry.ts";
import { isOddTo, startsInside } from "./geo-inside.ts";
import { inOrderRound } from "./geo-orientation.ts";

/** A ring without its last corner, as it runs counter-clockwise round its inside. */
type Ring = readonly Vector[];

/** What makes a ring bad by itself: a corner that comes twice. Undefined when nothing does. */
function repeatedCorner(ring: Ring): string | undefined {
  const seen = new Map<string, number>();
  for (const [index, corner] of ring.entries()) {
    const key = keyOf(corner);
    const before = seen.get(key);
    if (before !== undefined) return `corners ${before} and ${index} are the same`;
    seen.set(key, index);
  }
  return undefined;
}

/** Equal for equal vectors, whatever the sign of their zeros. */
const keyOf = ([x, y, z]: Vector) => `${x + 0} ${y + 0} ${z + 0}`;

/** Of more holes it would take long to find out that none lies in another. */
const MOST_HOLES = 8000;
const TOO_MUCH = "there are too many to be checked; leave corners and holes out";

const nameOf = (ring: number) => (ring === 0 ? "the outer ring" : `hole ${ring}`);

/** The rings of a polygon as given, each without its last corner: what is wrong with one of them, or undefined. */
export function faultOfRings(rings: readonly Ring[]): string | undefined {
  for (const [number, ring] of rings.entries()) {
    const fault = repeatedCorner(ring);
    if (fault !== undefined) return `${fault} in ${nameOf(number)}`;
  }
  const crossing = crossingArcs(rings);
  if (crossing === undefined) return undefined;
  if (crossing === "unknown") return TOO_MUCH;
  const [a, b] = crossing;
  if (a.ring === b.ring) {
    const [first, second] = [a.index, b.index].sort((x, y) => x - y);
    return `edges ${first} and ${second} of ${nameOf(a.ring)} cross`;
  }
  return `edge ${a.index} of ${nameOf(a.ring)} crosses edge ${b.index} of ${nameOf(b.ring)}`;
}

/** What is wrong with the holes in an outer ring, none of whose edges cross; undefined when nothing is. */
export function faultOfHoles(outer: Ring, holes: readonly Ring[]): string | undefined {
  if (holes.length === 0) return undefined;
  if (holes.length > MOST_HOLES) return TOO_MUCH;
  const corners = new Corners([outer, ...holes]);
  return (
    corners.sharedEdge() ??
    faultInShell(new Region(outer), holes, corners) ??
    corners.overlapping() ??
    nested(holes, corners)
  );
}

function faultInShell(shell: Region, holes: readonly Ring[], corners: Corners): string | undefined {
  for (const [index, hole] of holes.entries()) {
    const number = index + 1;
    const shared = corners.sharedWithOuter(number);
    if (shared.length > 1) return `hole ${number} shares more than one corner with the outer ring`;
    const [place] = shared;
    const isInside = place === undefined ? shell.contains(hole[0] as Vector) : holds(place.outer, place.hole);
    if (!isInside) return `hole ${number} is not inside the outer ring`;
  }
  return undefined;
}

/** Of holes without a common corner, whose edges do not cross, one may lie within the other. */
function nested(holes: readonly Ring[], corners: Corners): string | undefined {
  const regions = holes.map((hole) => new Region(hole));
  for (const [index, region] of regions.entries()) {
    tick(regions.length);
    const corner = region.corner(corners.ownCorner(index + 1));
    for (const [other, around] of regions.entries()) {
      if (other === index || !around.mayHold(corner) || corners.haveCommon(index + 1, other + 1)) continue;
      if (around.contains(corner)) return `hole ${index + 1} lies in hole ${other + 1}`;
    }
  }
  return undefined;
}

/** The angle of a ring at a corner; its inside goes left round the corner from `after` to `before`. */
interface Wedge {
  readonly ring: number;
  readonly before: Vector;
  readonly at: Vector;
  readonly after: Vector;
}

/** Whether all of `b` lies within `a`. */
function holds(a: Wedge, b: Wedge): boolean {
  return inOrderRound(a.after, b.after, b.before, a.at) && inOrderRound(b.before, a.before, a.after, a.at);
}

function areApart(a: Wedge, b: Wedge): boolean {
  return inOrderRound(a.before, b.after, b.before, a.at) && inOrderRound(b.before, a.after, a.before, a.at);
}

/** The corners of rings by where they are; ring 0 is the outer one. */
class Corners {
  /** The number of each corner's place, by ring. */
  readonly #places: number[][] = [];
  readonly #wedges: Wedge[][] = [];

  constructor(rings: readonly Ring[]) {
    const numbers = new Map<string, number>();
    for (const [ring, vertices] of rings.entries()) {
      tick(vertices.length);
      const corner = (index: number) => vertices[(index + vertices.length) % vertices.length] as Vector;
      this.#places[ring] = vertices.map((at, index) => {
        const key = keyOf(at);
        const number = numbers.get(key) ?? numbers.size;
        numbers.set(key, number);
        this.#wedges[number] ??= [];
        this.#wedges[number].push({ ring, before: corner(index - 1), at, after: corner(index + 1) });
        return number;
      });
    }
  }

  sharedEdge(): string | undefined {
    const owners = new Map<number, number>();
    for (const [ring, places] of this.#places.entries()) {
      for (const [index, place] of places.entries()) {
        const next = places[(index + 1) % places.length] as number;
        const key = Math.min(place, next) * this.#wedges.length + Math.max(place, next);
        const owner = owners.get(key);
        if (owner !== undefined) return `edge ${index} of ${nameOf(ring)} is one of ${nameOf(owner)} too`;
        owners.set(key, ring);
      }
    }
    return undefined;
  }

  /** The corners that a hole shares with the outer ring. */
  sharedWithOuter(hole: number): { readonly outer: Wedge; readonly hole: Wedge }[] {
    return (this.#places[hole] ?? []).flatMap((place) => {
      // The outer ring was the first to have its corners numbered.
      const [outer] = this.#wedges[place] ?? [];
      if (outer?.ring !== 0) return [];
      const own = this.#wedges[place]?.find(({ ring }) => ring === hole);
      return own === undefined ? [] : [{ outer, hole: own }];
    });
  }

  /** Holes that have a corner in common and overlap there. */
  overlapping(): string | undefined {
    for (const wedges of this.#wedges) {
      const holes = wedges.filter(({ ring }) => ring > 0);
      const [first] = holes;
      if (first === undefined || holes.length < 2) continue;
      tick(8 * holes.length);
      // In their order round the corner it suffices that neighbours lie apart.
      holes.sort((a, b) => (inOrderRound(first.after, a.after, b.after, first.at) ? -1 : 1));
      for (const [index, wedge] of holes.entries()) {
        const next = holes[(index + 1) % holes.length] as Wedge;
        if (areApart(wedge, next)) continue;
        const [a, b] = [wedge.ring, next.ring].sort((x, y) => x - y);
        return `holes ${a} and ${b} overlap`;
      }
    }
    return undefined;
  }

  /** The first corner of a ring that no other has; 0 when there is none. */
  ownCorner(ring: number): number {
    const index = this.#places[ring]?.findIndex((place) => this.#wedges[place]?.length === 1) ?? 0;
    return Math.max(0, index);
  }

  haveCommon(a: number, b: number): boolean {
    const places = new Set(this.#places[a]);
    return (this.#places[b] ?? []).some((place) => places.has(place));
  }
}

const AXES: readonly Vector[] = [
  [1, 0, 0],
  [-1, 0, 0],
  [0, 1, 0],
  [0, -1, 0],
  [0, 0, 1],
  [0, 0, -1],
];

/** The inside of a ring. */
class Region {
  readonly #startsInside: boolean;
  /** Round all of the inside. */
  readonly #box = emptyBox();

  constructor(readonly ring: Ring) {
    this.#startsInside = startsInside(ring);
    for (let i = 0; i < ring.length; i++) extendBox(this.#box, this.corner(i), this.corner(i + 1));
    // Within the border, the inside reaches farthest along an axis where that comes through.
    for (const axis of AXES) if (this.contains(axis)) extendBox(this.#box, axis, axis);
  }

  corner(index: number): Vector {
    const { length } = this.ring;
    return this.ring[(index + length) % length] as Vector;
  }

  contains(point: Vector): boolean {
    tick(this.ring.length);
    return isOddTo(this.ring, point) !== this.#startsInside;
  }

  /** Whether a point may lie within, as far as the box tells. */
  mayHold(point: Vector): boolean {
    return inBox(this.#box, point);
  }
}
