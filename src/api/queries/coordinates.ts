/** `coordinates`: positions in other notations and frames, and how far they are from another. */
import { type Document, double } from "../../query/index.ts";
import { ARCSEC_PER_DEGREE, fromEcliptic, fromGalactic, positionAngle, separation } from "../../sky/index.ts";
import { coordinatesOf } from "../../surveys/index.ts";
import { badRequest } from "../errors.ts";
import { type NamedPosition, readPositions } from "./radec.ts";
import { DONE, type QueryType } from "./request.ts";

/** The frames that positions may be given in, each with what makes equatorial degrees of it. */
const FRAMES = {
  equatorial: (ra: number, dec: number) => ({ ra, dec }),
  galactic: fromGalactic,
  ecliptic: fromEcliptic,
} as const;

export const coordinates: QueryType = {
  name: "coordinates",
  summary:
    "positions (`radec`, as for cone_search; `frame` equatorial, galactic or ecliptic) in degrees, as sexagesimal text, " +
    "and in Galactic and ecliptic degrees (J2000); with `from`, another position, their separation and position angle",
  async run({ radec, frame = "equatorial", from }) {
    if (typeof frame !== "string" || !Object.hasOwn(FRAMES, frame)) {
      throw badRequest(`query.frame: expected one of ${Object.keys(FRAMES).join(", ")}`);
    }
    const toEquatorial = FRAMES[frame as keyof typeof FRAMES];
    const [origin, ...more] = from === undefined ? [] : await readPositions(from, "query.from");
    if (more.length > 0) throw badRequest("query.from: expected one position");
    const positions = await readPositions(radec, "query.radec", frame === "equatorial" ? 0 : -180);
    const entries = positions.map((position) => {
      const place = { key: position.key, ...toEquatorial(position.ra, position.dec) };
      return [position.key, describe(place, origin)] as const;
    });
    return { message: DONE, data: Object.fromEntries(entries) };
  },
};

function describe({ ra: given, dec }: NamedPosition, origin: NamedPosition | undefined): Document {
  const ra = given >= 360 ? given - 360 : given;
  const place: Document = { ra: double(ra), dec: double(dec), ...coordinatesOf(ra, dec) };
  if (origin === undefined) return place;
  const degrees = separation(origin.ra, origin.dec, ra, dec);
  return {
    ...place,
    separation: {
      deg: double(degrees),
      arcsec: double(degrees * ARCSEC_PER_DEGREE),
      position_angle: double(positionAngle(origin.ra, origin.dec, ra, dec)),
    },
  };
}
