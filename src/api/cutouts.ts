/** `/api/cutouts`: an alert's image stamps, as FITS files and as pictures. */
import { Elysia } from "elysia";
import {
  COLOR_MAPS,
  CutoutError,
  INTERVALS,
  type PictureStamp,
  readCutouts,
  STRETCHES,
  type StoredStamp,
  THUMBNAIL_SIZE,
  unpackStamp,
} from "../cutouts/index.ts";
import { STAMP_KINDS, type StampKind, type Survey } from "../surveys/index.ts";
import { candidOf, surveyOf, wordOf } from "./addresses.ts";
import type { ApiContext } from "./context.ts";
import { badRequest, notFound } from "./errors.ts";
import type { User } from "./identity.ts";
import { queryParameter } from "./openapi.ts";
import { visibleFilter } from "./visibility.ts";

const MAX_TIME_MS = 30_000;
const SMALLEST = 16;
const LARGEST = 1024;
const CHOICES = [...STAMP_KINDS, "triplet"] as const;
const FORMATS = ["png", "fits"] as const;
/** An alert never changes; what is kept for a browser is for its user only. */
const CACHED_DAY = "private, max-age=86400, immutable";

const PARAMETERS = [
  queryParameter("interval", "Which values are black and white.", {
    type: "string",
    enum: [...INTERVALS],
    default: "asymmetric_percentile",
  }),
  queryParameter(
    "stretch",
    "How the values between are spread; `log` by default, `linear` for a difference.",
    {
      type: "string",
      enum: [...STRETCHES],
    },
  ),
  queryParameter("cmap", "Colours.", { type: "string", enum: [...COLOR_MAPS], default: "bone" }),
  queryParameter("size", "Width of a stamp in the picture, pixels.", {
    type: "integer",
    minimum: SMALLEST,
    maximum: LARGEST,
    default: THUMBNAIL_SIZE,
  }),
];

export const cutouts = (api: ApiContext) =>
  new Elysia({ detail: { tags: ["alerts"] } }).get(
    "/api/cutouts/:survey/:candid/:cutout/:format",
    async ({ request, params }) => {
      const user = await api.identities.userOf(request);
      const survey = surveyOf(params.survey);
      const candid = candidOf(params.candid);
      const cutout = wordOf("cutout", params.cutout, CHOICES, "science");
      const format = wordOf("format", params.format, FORMATS, "png");
      if (cutout === "triplet" && format === "fits") {
        throw badRequest("format fits: a triplet is three files; ask for science, template and difference");
      }
      const style = styleOf(new URL(request.url).searchParams);
      const kinds = cutout === "triplet" ? STAMP_KINDS : [cutout];
      const stamps = await stampsOf(api, user, survey, candid, kinds);
      const body = format === "fits" ? fits(stamps) : await picture(api, survey, stamps, style);
      const names = format === "fits" ? stamps.map(({ fileName }) => fileName?.replace(/\.gz$/, "")) : [];
      return answer(request, body, {
        type: `image/${format}`,
        name: names[0] ?? `${survey.name}_${candid}_${cutout}.${format}`,
      });
    },
    {
      detail: {
        summary: "A cutout as FITS or PNG",
        description:
          "`cutout` is science, template, difference, or, as PNG, triplet: the three side by side. The FITS file is the packet's, unpacked. Pictures have north up.",
        parameters: PARAMETERS,
      },
    },
  );

interface Stamp extends StoredStamp {
  readonly kind: StampKind;
}

interface Style {
  readonly interval: (typeof INTERVALS)[number];
  readonly stretch: (typeof STRETCHES)[number] | undefined;
  readonly cmap: (typeof COLOR_MAPS)[number];
  readonly size: number;
}

function styleOf(query: URLSearchParams): Style {
  const size = query.get("size") ?? String(THUMBNAIL_SIZE);
  const width = /^\d{1,5}$/.test(size) ? Number(size) : Number.NaN;
  if (!(width >= SMALLEST && width <= LARGEST)) {
    throw badRequest(`size ${size}: expected a whole number from ${SMALLEST} to ${LARGEST}`);
  }
  return {
    interval: wordOf("interval", query.get("interval"), INTERVALS, "asymmetric_percentile"),
    stretch: query.has("stretch") ? wordOf("stretch", query.get("stretch"), STRETCHES, "log") : undefined,
    cmap: wordOf("cmap", query.get("cmap"), COLOR_MAPS, "bone"),
    size: width,
  };
}

/** The stored stamps. Throws `HttpError` 404 where there are none that the user may see. */
async function stampsOf(
  { store }: ApiContext,
  user: User,
  survey: Survey,
  candid: bigint,
  kinds: readonly StampKind[],
): Promise<[Stamp, ...Stamp[]]> {
  const collection = survey.collections.alerts;
  const alert = await store.findOne({
    collection,
    filter: visibleFilter(user, collection, { candid }),
    projection: { candid: 1 },
    comment: user.name,
    maxTimeMs: MAX_TIME_MS,
  });
  if (alert === undefined) throw notFound(`${survey.name} alert ${candid} not found`);
  const stored = await readCutouts(store, survey, candid);
  const found = kinds.flatMap((kind): Stamp[] => {
    const stamp = stored.get(survey.stamps.fields[kind]);
    return stamp === undefined ? [] : [{ ...stamp, kind }];
  });
  const [first, ...others] = found;
  if (first === undefined || found.length < kinds.length) {
    const missing = kinds.filter((kind) => !found.some((stamp) => stamp.kind === kind)).join(", ");
    throw notFound(
      `${survey.name} alert ${candid} has no ${missing} cutout: the packet had none, or the configuration (cutouts) kept none`,
    );
  }
  return [first, ...others];
}

function fits([{ data, kind }]: readonly [Stamp, ...Stamp[]]): Uint8Array {
  try {
    return unpackStamp(data);
  } catch (error) {
    if (error instanceof CutoutError) throw notFound(`the ${kind} cutout is damaged: ${error.message}`);
    throw error;
  }
}

async function picture(
  { drawing }: ApiContext,
  survey: Survey,
  stamps: readonly Stamp[],
  { interval, stretch, cmap, size }: Style,
): Promise<Uint8Array> {
  const toDraw = stamps.map(
    ({ data, kind }): PictureStamp => ({
      data,
      interval,
      // Log would hide what is negative.
      stretch: stretch ?? (kind === "difference" ? "linear" : "log"),
    }),
  );
  try {
    return await drawing.draw(toDraw, { cmap, size, firstRow: survey.stamps.firstRow });
  } catch (error) {
    if (!(error instanceof CutoutError)) throw error;
    const kinds = stamps.map(({ kind }) => kind).join(", ");
    throw notFound(`the ${kinds} cutout cannot be drawn: ${error.message}`);
  }
}

/** The bytes with what caches need; 304 for a client that has them. */
function answer(
  request: Request,
  body: Uint8Array,
  { type, name }: { type: string; name: string },
): Response {
  const etag = `"${Bun.hash(body).toString(36)}"`;
  const headers = {
    "content-type": type,
    "content-disposition": `${type === "image/fits" ? "attachment" : "inline"}; filename="${name.replace(/[^\w.+-]/g, "_")}"`,
    "cache-control": CACHED_DAY,
    vary: "authorization",
    etag,
    "x-content-type-options": "nosniff",
  };
  const known = request.headers.get("if-none-match")?.split(",") ?? [];
  if (known.some((tag) => tag.trim() === etag)) return new Response(null, { status: 304, headers });
  return new Response(new Uint8Array(body), { headers });
}
