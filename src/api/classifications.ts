/** `/api/classifications`: labels that people and programs of users give to stored alerts. */
import { Elysia } from "elysia";
import { type Document, double, isDocument, type Value } from "../query/index.ts";
import type { Store } from "../store/index.ts";
import { classificationsOf, type Survey } from "../surveys/index.ts";
import { candidOf, surveyOf } from "./addresses.ts";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { badRequest, notFound } from "./errors.ts";
import type { User } from "./identity.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { alsoErrors } from "./openapi.ts";
import { visibleFilter } from "./visibility.ts";

const KINDS = ["human_labels", "ml_scores"] as const;
type Kind = (typeof KINDS)[number];

const MAX_TIME_MS = 30_000;
const MOST_ALERTS = 1000;
const MOST_LABELS = 1000;
const LONGEST_LABEL = 200;

const labels = {
  description: "Labels with a number each, a list of labels, or labels separated by commas (1 each).",
  example: { AGN: 0.9, blazar: 0.1 },
};
const requestBody = {
  required: true,
  content: {
    "application/json": {
      schema: {
        type: "object" as const,
        additionalProperties: {
          type: "object" as const,
          properties: { human_labels: labels, ml_scores: labels },
        },
        example: { "1127561440015015001": { human_labels: { AGN: 0.9 } } },
      },
    },
  },
};

export const classifications = (api: ApiContext) =>
  new Elysia({ prefix: "/api/classifications", detail: { tags: ["alerts"] } })
    .get(
      "/:survey/:candid",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const survey = surveyOf(params.survey);
        const candid = candidOf(params.candid);
        await objectIdsOf(api.store, user, survey, [candid]);
        const found = await read(api.store, survey, candid);
        if (found === undefined)
          throw notFound(`classifications for ${survey.name} alert ${candid} not found`);
        const { _id, ...data } = found;
        return success(`classifications of ${survey.name} alert ${candid}`, { candid, ...data });
      },
      { detail: { summary: "What users say of an alert" } },
    )
    .put(
      "/:survey",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const survey = surveyOf(params.survey);
        const given = entriesOf(await readBody(request, api.maxBodyBytes), scoresOf);
        await change(api, user, survey, given, (document, kind, scores) => {
          const known = document[kind];
          document[kind] = { ...(isDocument(known) ? known : {}), ...scores };
        });
        return success(`classifications of ${given.size} ${survey.name} alerts set`);
      },
      {
        detail: {
          summary: "Give alerts labels; others stay",
          requestBody,
          responses: alsoErrors(409),
        },
      },
    )
    .delete(
      "/:survey",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        const survey = surveyOf(params.survey);
        const given = entriesOf(await readBody(request, api.maxBodyBytes), scoresOf);
        await change(api, user, survey, given, (document, kind, scores) => {
          const known = document[kind];
          if (!isDocument(known)) return;
          const left = Object.entries(known).filter(([label]) => !Object.hasOwn(scores, label));
          document[kind] = Object.fromEntries(left);
        });
        return success(`classifications of ${given.size} ${survey.name} alerts removed`);
      },
      {
        detail: {
          summary: "Take labels from alerts",
          requestBody,
          responses: alsoErrors(409),
        },
      },
    );

type Given = ReadonlyMap<bigint, Readonly<Partial<Record<Kind, Document>>>>;

/** The body by candid. Throws `HttpError` 400 naming what is wrong. */
function entriesOf(body: Document, read: (value: Value, path: string) => Document): Given {
  const entries = Object.entries(body);
  if (entries.length === 0)
    throw badRequest("no candid provided: expected {candid: {human_labels, ml_scores}}");
  if (entries.length > MOST_ALERTS) throw badRequest(`at most ${MOST_ALERTS} alerts at once`);
  return new Map(
    entries.map(([candid, value]) => {
      const kinds = KINDS.flatMap((kind) => {
        const labels = isDocument(value) ? value[kind] : undefined;
        return labels === undefined || labels === null
          ? []
          : [[kind, read(labels, `${candid}.${kind}`)] as const];
      });
      if (!kinds.some(([, labels]) => Object.keys(labels).length > 0)) {
        throw badRequest(`${candid}: no classifications provided, must provide human_labels or ml_scores`);
      }
      return [candidOf(candid), Object.fromEntries(kinds)];
    }),
  );
}

/** Labels with their numbers, from any of the forms they come in. */
function scoresOf(value: Value, path: string): Document {
  const listed = typeof value === "string" ? value.split(",").map((label) => label.trim()) : value;
  const pairs: [string, Value | undefined][] = Array.isArray(listed)
    ? listed.map((label) => [String(label), 1])
    : isDocument(listed)
      ? Object.entries(listed)
      : [];
  if (pairs.length === 0 && !isDocument(listed)) {
    throw badRequest(
      `${path}: expected labels with numbers, a list of labels, or labels separated by commas`,
    );
  }
  if (pairs.length > MOST_LABELS) throw badRequest(`${path}: at most ${MOST_LABELS} labels`);
  const scores: Document = {};
  for (const [label, score] of pairs) {
    if (label === "" || label.length > LONGEST_LABEL || /^\$|\.|\0|^__proto__$/.test(label)) {
      throw badRequest(
        `${path}: label "${label.slice(0, LONGEST_LABEL)}": expected a name of up to ${LONGEST_LABEL} characters without dots that does not begin with $`,
      );
    }
    const number = typeof score === "bigint" || typeof score === "number" ? Number(score) : Number.NaN;
    const plain = score instanceof Object && "value" in score ? Number(score.value) : number;
    if (!Number.isFinite(plain)) throw badRequest(`${path}.${label}: expected a number`);
    scores[label] = double(plain);
  }
  return scores;
}

/** The objects of the alerts. Throws `HttpError` 404 when one is not stored, or the user may not see it. */
async function objectIdsOf(
  store: Store,
  user: User,
  survey: Survey,
  candids: readonly bigint[],
): Promise<Map<bigint, string>> {
  const collection = survey.collections.alerts;
  const found = store.find({
    collection,
    filter: visibleFilter(user, collection, { candid: { $in: [...candids] } }),
    projection: { candid: 1, objectId: 1 },
    comment: user.name,
    maxTimeMs: MAX_TIME_MS,
  });
  const objects = new Map<bigint, string>();
  for await (const { candid, objectId } of found.documents()) {
    if (typeof candid === "bigint") objects.set(candid, String(objectId));
  }
  const missing = candids.find((candid) => !objects.has(candid));
  if (missing !== undefined) throw notFound(`${survey.name} alert ${missing} not found`);
  return objects;
}

function read(store: Store, survey: Survey, candid: bigint): Promise<Document | undefined> {
  const collection = classificationsOf(survey);
  return store.findOne({ collection, filter: { _id: candid }, maxTimeMs: MAX_TIME_MS });
}

/** Changes the documents of all alerts, one change after the other on all hosts: none overwrites another. */
async function change(
  { store }: ApiContext,
  user: User,
  survey: Survey,
  given: Given,
  apply: (document: Document, kind: Kind, scores: Document) => void,
): Promise<void> {
  const objects = await objectIdsOf(store, user, survey, [...given.keys()]);
  const collection = classificationsOf(survey);
  await oneAtATime(store, `classifications/${survey.name}`, "classifications", async () => {
    for (const [candid, kinds] of given) {
      const objectId = objects.get(candid) ?? "";
      const document = (await read(store, survey, candid)) ?? { _id: candid, objectId };
      for (const kind of KINDS) {
        const scores = kinds[kind];
        if (scores !== undefined) apply(document, kind, scores);
      }
      await store.replace(collection, document, { upsert: true });
    }
  });
}
