/** The photometry of an object as SkyPortal takes it: one call per stream, and only what it does not have. */
import type { FluxPoint } from "../../surveys/index.ts";
import type { Channel } from "./directory.ts";
import { digestOf } from "./state.ts";

/** What SkyPortal has of one kind of photometry: all points up to a time, and a digest of them. */
export interface Sent {
  /** Modified Julian date, days. */
  readonly through: number;
  readonly digest: string;
}

/**
 * The points that are not at SkyPortal: those behind what was sent; all of them when an earlier one changed or
 * came late.
 */
export function newPoints(points: readonly FluxPoint[], sent: Sent | undefined): readonly FluxPoint[] {
  if (sent === undefined) return points;
  const before = points.filter(({ mjd }) => mjd <= sent.through);
  return digestOf(before) === sent.digest ? points.slice(before.length) : points;
}

/** What is to be remembered once all points, in time order, are at SkyPortal. */
export function sentThrough(points: readonly FluxPoint[]): Sent {
  return { through: points.at(-1)?.mjd ?? Number.NEGATIVE_INFINITY, digest: digestOf(points) };
}

/** Bodies of the calls, one per stream that has points; points of programs without a stream are left out. */
export function photometryBodies(
  objectId: string,
  points: readonly FluxPoint[],
  { instrumentId, streams }: Channel,
  origin: string | null,
) {
  return streams.flatMap(({ id, programs }) => {
    const own = points.filter(
      ({ programid }) => programs === undefined || programs.includes(programid ?? -1),
    );
    if (own.length === 0) return [];
    return [
      {
        obj_id: objectId,
        stream_ids: [id],
        instrument_id: instrumentId,
        mjd: own.map(({ mjd }) => mjd),
        flux: own.map(({ flux }) => flux),
        fluxerr: own.map(({ fluxerr }) => fluxerr),
        zp: own.map(({ zp }) => zp),
        magsys: own.map(() => "ab"),
        filter: own.map(({ band }) => band),
        ra: own.map(({ ra }) => ra),
        dec: own.map(({ dec }) => dec),
        origin: own.map(() => origin),
      },
    ];
  });
}
