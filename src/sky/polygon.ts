/** Areas with great-circle edges: containment, distance of the border, size. Pure. */
import type { Relate } from "./cover.ts";
import type { Vector } from "./frames.ts";
import { angleBetween } from "./healpix.ts";
import { cross, dot, triple } from "./vectors.ts";

/** A closed curve without its repeated last vertex; its inside is the smaller side. */
export class SkyPolygon {
  /** Counter-clockwise round the inside, seen from outside the sphere. */
  readonly vertices: readonly Vector[];
  readonly #edges: readonly Edge[];
  /** A disc that holds all of it; a whole sphere for what does not fit into a hemisphere. */
  readonly #centre: Vector;
  /** Radians: the radius of that disc. */
  readonly reach: number;

  /** Takes unit vectors in either direction. */
  constructor(vertices: readonly Vector[]) {
    this.vertices = solidAngle(vertices) < 0 ? [...vertices].reverse() : [...vertices];
    this.#edges = this.vertices.map((from, index) => {
      const to = this.vertices[(index + 1) % this.vertices.length] ?? from;
      return edgeOf(from, to);
    });
    const sum = this.vertices.reduce((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]], [0, 0, 0]);
    const length = Math.hypot(...sum);
    this.#centre = length < 1e-9 ? [0, 0, 1] : [sum[0] / length, sum[1] / length, sum[2] / length];
    const reach = Math.max(...this.vertices.map((vertex) => angleBetween(this.#centre, vertex)));
    // A disc smaller than a hemisphere is convex: it holds the edges between the vertices it holds.
    this.reach = length < 1e-9 || reach > 1.5 ? Math.PI : reach;
  }

  /** Whether a point lies inside: how often the border turns round it, seen from the point. */
  contains(point: Vector): boolean {
    let turn = 0;
    let previous = this.vertices[this.vertices.length - 1] ?? point;
    for (const vertex of this.vertices) {
      const across = triple(point, previous, vertex);
      const along = dot(previous, vertex) - dot(point, previous) * dot(point, vertex);
      turn += Math.atan2(across, along);
      previous = vertex;
    }
    // Round the antipode of the inside the border turns the other way.
    return turn > Math.PI;
  }

  /** Radians from a point to the border. */
  distance(point: Vector): number {
    let nearest = Math.PI;
    for (const edge of this.#edges) nearest = Math.min(nearest, edgeDistance(edge, point));
    return nearest;
  }

  /** Radians: twice the area over the circumference, which is the width of a strip and the radius of a disc. */
  get width(): number {
    const around = this.#edges.reduce((sum, { from, to }) => sum + angleBetween(from, to), 0);
    return around === 0 ? 0 : (2 * Math.abs(solidAngle(this.vertices))) / around;
  }

  relation(): Relate {
    return (centre, radius) => {
      if (angleBetween(this.#centre, centre) > this.reach + radius + 1e-12) return "outside";
      if (this.distance(centre) <= radius + 1e-12) return "partly";
      if (this.contains(centre)) return "inside";
      // The border of what holds two opposite points turns round neither.
      const [x, y, z] = centre;
      return this.reach < Math.PI || this.contains([-x, -y, -z]) ? "outside" : "partly";
    };
  }
}

interface Edge {
  readonly from: Vector;
  readonly to: Vector;
  /** Unit normal of the great circle; undefined where the ends are one point. */
  readonly normal: Vector | undefined;
}

function edgeOf(from: Vector, to: Vector): Edge {
  const normal = cross(from, to);
  const length = Math.hypot(...normal);
  const unit: Vector = [normal[0] / length, normal[1] / length, normal[2] / length];
  return { from, to, normal: length < 1e-15 ? undefined : unit };
}

function edgeDistance({ from, to, normal }: Edge, point: Vector): number {
  if (normal !== undefined && dot(cross(normal, from), point) > 0 && dot(cross(to, normal), point) > 0) {
    return Math.asin(Math.min(1, Math.abs(dot(normal, point))));
  }
  return Math.min(angleBetween(from, point), angleBetween(to, point));
}

/** The solid angle to the left of a loop, between −2π and 2π (Van Oosterom and Strackee 1983, eq. 8). */
export function solidAngle(vertices: readonly Vector[]): number {
  const [first] = vertices;
  if (first === undefined) return 0;
  let area = 0;
  for (let i = 1; i + 1 < vertices.length; i++) {
    const b = vertices[i] ?? first;
    const c = vertices[i + 1] ?? first;
    area += 2 * Math.atan2(triple(first, b, c), 1 + dot(first, b) + dot(b, c) + dot(c, first));
  }
  while (area > 2 * Math.PI) area -= 4 * Math.PI;
  while (area < -2 * Math.PI) area += 4 * Math.PI;
  return area;
}
