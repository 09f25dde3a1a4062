/** `/api/alerts` and `/api/objects`: one alert, and everything known of one object. */
import { Elysia } from "elysia";
import type { Document } from "../query/index.ts";
import type { Survey } from "../surveys/index.ts";
import { candidOf, surveyOf } from "./addresses.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { notFound } from "./errors.ts";
import type { User } from "./identity.ts";
import { isVisible, visibleFilter, visiblePrograms } from "./visibility.ts";

const MAX_TIME_MS = 30_000;
/** What the list of an object's alerts tells of each. */
const ALERT_SUMMARY = {
  _id: 0,
  candid: 1,
  "candidate.jd": 1,
  "candidate.fid": 1,
  "candidate.magpsf": 1,
  "candidate.sigmapsf": 1,
  "candidate.isdiffpos": 1,
  "candidate.programid": 1,
  "candidate.rb": 1,
  "candidate.drb": 1,
  "candidate.ra": 1,
  "candidate.dec": 1,
  classifications: 1,
};

export const alerts = (api: ApiContext) =>
  new Elysia({ detail: { tags: ["alerts"] } })
    .get(
      "/api/alerts/:survey/:candid",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const survey = surveyOf(params.survey);
        const candid = candidOf(params.candid);
        const collection = survey.collections.alerts;
        const alert = await api.store.findOne({
          collection,
          filter: visibleFilter(user, collection, { candid }),
          comment: user.name,
          maxTimeMs: MAX_TIME_MS,
        });
        if (alert === undefined) throw notFound(`${survey.name} alert ${candid} not found`);
        return success(`${survey.name} alert ${candid}`, alert);
      },
      { detail: { summary: "One alert by its candid" } },
    )
    .get(
      "/api/objects/:survey/:objectId",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const survey = surveyOf(params.survey);
        return objectAnswer(api, user, survey, params.objectId);
      },
      { detail: { summary: "One object: its alerts, history and cross-matches" } },
    );

async function objectAnswer(
  api: ApiContext,
  user: User,
  survey: Survey,
  objectId: string,
): Promise<Response> {
  const collection = survey.collections.alerts;
  const found = api.store.find({
    collection,
    filter: visibleFilter(user, collection, { objectId }),
    projection: ALERT_SUMMARY,
    sort: [["candidate.jd", 1]],
    comment: user.name,
    maxTimeMs: MAX_TIME_MS,
  });
  const list: Document[] = [];
  for await (const alert of found.documents()) list.push(alert);
  if (list.length === 0) throw notFound(`${survey.name} object ${objectId} not found`);
  const aux = await api.store.findOne({
    collection: survey.collections.aux,
    filter: { _id: objectId },
    comment: user.name,
    maxTimeMs: MAX_TIME_MS,
  });
  const { _id: _, ...known } = visibleHistory(aux ?? {}, visiblePrograms(user, survey));
  return success(`${survey.name} object ${objectId}`, { objectId, alerts: list, ...known });
}

/** The aux document with only the history rows that the user may see. */
function visibleHistory(aux: Document, programs: readonly number[] | undefined): Document {
  if (programs === undefined) return aux;
  return Object.fromEntries(
    Object.entries(aux).map(([field, value]) =>
      Array.isArray(value)
        ? [field, value.filter((row) => isVisible(row as Document, programs))]
        : [field, value],
    ),
  );
}
