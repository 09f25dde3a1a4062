/** `/api/objects/…/lightcurve` and `…/plot.svg`: an object's light curve as a table and as a drawing. */
import { Elysia } from "elysia";
import {
  csvOf,
  type LightCurvePoint,
  lightCurveOf,
  plotSvg,
  readPhotometry,
  rowOf,
  UNITS,
} from "../lightcurves/index.ts";
import type { Survey } from "../surveys/index.ts";
import { surveyOf, wordOf } from "./addresses.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { notFound } from "./errors.ts";
import type { User } from "./identity.ts";
import { queryParameter } from "./openapi.ts";
import { visibleFilter, visiblePrograms } from "./visibility.ts";

const MAX_TIME_MS = 30_000;
const FORMATS = ["json", "csv"] as const;
const YES_NO = ["true", "false"] as const;

const FILTERS = queryParameter("filter", "Only these filters, by name, separated by commas.", {
  type: "string",
  example: "ztfg,ztfr",
});
const FORCED = queryParameter("forced", "With forced photometry.", { type: "boolean", default: true });

export const lightCurves = (api: ApiContext) =>
  new Elysia({ detail: { tags: ["alerts"] } })
    .get(
      "/api/objects/:survey/:objectId/lightcurve",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const survey = surveyOf(params.survey);
        const query = new URL(request.url).searchParams;
        const units = wordOf("units", query.get("units"), UNITS, "mag");
        const format = wordOf("format", query.get("format"), FORMATS, "json");
        const points = await pointsOf(api, user, survey, params.objectId, query);
        if (format === "csv") return csv(csvOf(points, units), `${params.objectId}.csv`);
        const rows = points.map((point) => rowOf(point, units));
        return success(`light curve of ${survey.name} object ${params.objectId}`, {
          objectId: params.objectId,
          units,
          lightcurve: rows.map((row) => ({ ...row })),
        });
      },
      {
        detail: {
          summary: "An object's light curve",
          description:
            "Detections, upper limits and forced photometry in time order. Upper limits of the alerts' histories give way to forced photometry of the same exposure.",
          parameters: [
            queryParameter("units", "AB magnitudes, or fluxes in µJy (zero point 23.9).", {
              type: "string",
              enum: [...UNITS],
              default: "mag",
            }),
            queryParameter("format", "JSON, or a table.", {
              type: "string",
              enum: [...FORMATS],
              default: "json",
            }),
            FILTERS,
            FORCED,
          ],
        },
      },
    )
    .get(
      "/api/objects/:survey/:objectId/plot.svg",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const survey = surveyOf(params.survey);
        const query = new URL(request.url).searchParams;
        const points = await pointsOf(api, user, survey, params.objectId, query);
        return new Response(plotSvg(params.objectId, points), {
          headers: {
            "content-type": "image/svg+xml; charset=utf-8",
            "cache-control": "private, no-cache",
            "content-security-policy": "default-src 'none'",
            "x-content-type-options": "nosniff",
          },
        });
      },
      {
        detail: {
          summary: "A drawing of an object's light curve",
          description:
            "Magnitudes upward to the bright, a colour for each filter; upper limits are triangles, forced photometry is hollow.",
          parameters: [FILTERS, FORCED],
        },
      },
    );

/** What the user may see of the object's light curve. Throws `HttpError` 404 for an object that is not there. */
async function pointsOf(
  { store }: ApiContext,
  user: User,
  survey: Survey,
  objectId: string,
  query: URLSearchParams,
): Promise<LightCurvePoint[]> {
  const withForced = wordOf("forced", query.get("forced"), YES_NO, "true") === "true";
  const collection = survey.collections.alerts;
  const alert = await store.findOne({
    collection,
    filter: visibleFilter(user, collection, { objectId }),
    projection: { objectId: 1 },
    comment: user.name,
    maxTimeMs: MAX_TIME_MS,
  });
  if (alert === undefined) throw notFound(`${survey.name} object ${objectId} not found`);
  const photometry = await readPhotometry(store, survey, objectId, visiblePrograms(user, survey));
  const points = lightCurveOf(withForced ? photometry : { ...photometry, forced: [] });
  const words = (query.get("filter") ?? "").split(",").filter((name) => name !== "");
  const bands = survey.lightCurve?.bands;
  const wanted = bands === undefined ? words : words.map((word) => wordOf("filter", word, bands, ""));
  return wanted.length === 0 ? points : points.filter(({ filter }) => wanted.includes(filter));
}

function csv(text: string, name: string): Response {
  return new Response(text, {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="${name.replace(/[^\w.+-]/g, "_")}"`,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}
