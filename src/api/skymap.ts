/** `/api/skymap`: localisations of events, for `skymap` queries. */
import { Elysia } from "elysia";
import type { Document } from "../query/index.ts";
import { CellSet } from "../sky/index.ts";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { jsonAnswer, success } from "./envelope.ts";
import { badRequest, HttpError, notFound } from "./errors.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { alsoErrors } from "./openapi.ts";
import { buildOnThread, inTurn } from "./skymaps/builder.ts";
import {
  dateText,
  type EventNames,
  findSkymap,
  levelsOf,
  SKYMAPS,
  skymapDocument,
  withContours,
} from "./skymaps/documents.ts";
import { fingerprintOf } from "./skymaps/fingerprint.ts";
import {
  levelOf,
  readAliases,
  readDate,
  readSkymapRequest,
  readTrigger,
  type SkymapForm,
  type SkymapRequest,
  textOf,
} from "./skymaps/request.ts";

const NAMES = {
  localization_name: { type: "string" as const },
  dateobs: { type: "string" as const, example: "2023-10-12T01:02:03", description: "Universal time." },
  triggerid: { description: "The event's number or name." },
};

const body = (properties: Record<string, object>, required: string[], description?: string) => ({
  required: true,
  ...(description === undefined ? {} : { description }),
  content: {
    "application/json": {
      schema: { type: "object" as const, ...(required.length === 0 ? {} : { required }), properties },
    },
  },
});

const SKYMAP = {
  type: "object",
  description:
    "One of {localization_name, uniq, probdensity} (multi-order cells), {url}, {localization_name, content} (a FITS file " +
    "as base64, flat or multi-order), {ra, dec, error} (a Gaussian; degrees), {localization_name, polygon} (corners " +
    "[ra, dec]), {localization_name, ra, dec, amaj, amin, phi} (a uniform ellipse; degrees, phi east of north), " +
    "{localization_name, contours} (ready MultiPolygons by level, longitudes right ascension less 180).",
};

const parameter = (name: string, description: string) => ({
  name,
  in: "query" as const,
  schema: { type: "string" as const },
  description,
});

export const skymap = (api: ApiContext) =>
  new Elysia({ prefix: "/api/skymap", detail: { tags: ["skymaps"] } })
    .put("", async ({ request }) => put(api, request), {
      detail: {
        summary: "Add an event's skymap, or levels to one",
        description:
          "Makes credible regions: the smallest parts of the sky that hold at least so much of the probability. A skymap " +
          "that has all these levels is answered with 409 and the status already_exists.",
        requestBody: body(
          {
            ...NAMES,
            aliases: { type: "array", items: { type: "string" } },
            contours: { description: "Levels in percent: a number or a list. 90 when left out." },
            skymap: SKYMAP,
            voevent: { type: "string", description: "A VOEvent 2.0 packet, which tells all of this." },
          },
          [],
        ),
        responses: alsoErrors(409, 429, 504),
      },
    })
    .get("", async ({ request }) => show(api, request), {
      detail: {
        summary: "An event's skymap",
        parameters: [
          parameter("localization_name", "Of several of one event."),
          parameter("dateobs", "YYYY-MM-DDTHH:MM:SS, universal time."),
          parameter("triggerid", "The event's number or name."),
          parameter("alias", "Another name of the event."),
          parameter("contours", "Levels that must be there, with commas between them."),
          parameter("moc", "true: the regions as multi-order coverage maps too, as text (IVOA MOC 2.0)."),
        ],
        responses: alsoErrors(400, 404),
      },
    })
    .delete("", async ({ request }) => remove(api, request), {
      detail: {
        summary: "Remove a skymap",
        requestBody: body({ ...NAMES, alias: { type: "string" } }, ["localization_name"]),
        responses: alsoErrors(404),
      },
    });

async function put(api: ApiContext, request: Request): Promise<Response> {
  const user = await api.identities.userOf(request);
  const asked = readSkymapRequest(await readBody(request, api.maxBodyBytes), api.downloads);
  for (const form of asked.forms.slice(0, -1)) {
    try {
      return await putForm(api, asked, form, user.name);
    } catch (error) {
      // A map that cannot be had or read: the event has another localisation.
      if (!(error instanceof HttpError && error.status === 400)) throw error;
      api.log.info(
        { skymap: form.name, reason: error.message },
        "skymap cannot be had: the next one is taken",
      );
    }
  }
  const last = asked.forms.at(-1);
  if (last === undefined) throw badRequest("expected a localisation");
  return putForm(api, asked, last, user.name);
}

/** Adds the localisation of this form, or the levels that it does not have, under its own name. */
async function putForm(
  api: ApiContext,
  asked: SkymapRequest,
  form: SkymapForm,
  by: string,
): Promise<Response> {
  const known = await existing(api, asked, form);
  const missing = asked.levels.filter((level) => known === undefined || !levelsOf(known).includes(level));
  if (known !== undefined && missing.length === 0) return exists(known);
  const { added, fingerprint } = await inTurn(async () => {
    const made = await form.source();
    const fingerprint = await fingerprintOf(made);
    refuseOther(known, fingerprint);
    const added = "source" in made ? await buildOnThread({ ...made, levels: missing }) : made;
    return { added, fingerprint };
  });
  const levels = "centre" in added ? missing : [...added.ready.keys()];
  // While the regions were worked on another request may have added its own: they are kept.
  const { document, before } = await oneAtATime(api.store, SKYMAPS, "skymaps", async () => {
    const before = await existing(api, asked, form);
    refuseOther(before, fingerprint);
    const document = withContours(before ?? skymapDocument(asked, form.name, fingerprint), added);
    const isNew = before === undefined || levels.some((level) => !levelsOf(before).includes(level));
    if (!isNew && "centre" in added) return { document: undefined, before };
    if (before === undefined) await api.store.insert(SKYMAPS, [document]);
    else await api.store.replace(SKYMAPS, document, { upsert: true });
    return { document, before };
  });
  if (document === undefined) return exists(before);
  const words = before === undefined ? "added skymap for" : "updated skymap for";
  const what = before === undefined ? "with contours" : "to add contours";
  api.log.info({ skymap: document["_id"], levels, by }, "skymap stored");
  return success(
    `${words} ${dateText(document["dateobs"])} ${what} [${levels.join(", ")}]`,
    summaryOf(document),
  );
}

/** Levels of different maps make no skymap. Those of earlier versions do not say what they were made of. */
function refuseOther(skymap: Document | undefined, fingerprint: string): void {
  const known = skymap?.["fingerprint"];
  if (typeof known !== "string" || known === fingerprint) return;
  throw new HttpError(
    409,
    `skymap ${skymap?.["localization_name"]} of ${dateText(skymap?.["dateobs"])} was made of another map: delete it first, ` +
      "or give this one a localization_name of its own",
  );
}

/** The same localisation of the same event. */
function existing(
  { store }: ApiContext,
  { dateobs, triggerid, aliases }: SkymapRequest,
  { name }: SkymapForm,
) {
  const names: EventNames = { dateobs, aliases, ...(triggerid === undefined ? {} : { triggerid }) };
  return findSkymap(store, name, names);
}

function exists(skymap: Document): Response {
  const message = `skymap already exists for ${dateText(skymap["dateobs"])} with contours [${levelsOf(skymap).join(", ")}]`;
  return jsonAnswer(409, { status: "already_exists", message, data: summaryOf(skymap) });
}

function summaryOf(skymap: Document): Document {
  return {
    dateobs: dateText(skymap["dateobs"]),
    localization_name: skymap["localization_name"] ?? "",
    contours: levelsOf(skymap),
  };
}

async function show(api: ApiContext, request: Request): Promise<Response> {
  await api.identities.userOf(request);
  const { searchParams } = new URL(request.url);
  const given = Object.fromEntries(searchParams);
  const found = await findSkymap(api.store, given["localization_name"], namesOf(given));
  if (found === undefined) throw notFound("no skymap found");
  const wanted = searchParams
    .getAll("contours")
    .flatMap((text) => text.split(","))
    .map((level) => levelOf(level, "contours"));
  const missing = wanted.filter((level) => !levelsOf(found).includes(level));
  if (missing.length > 0) throw notFound(`skymap exists but is missing contours [${missing.join(", ")}]`);
  const { cells, dateobs, fingerprint: _, ...rest } = found;
  const moc = given["moc"] === "true" ? { moc: mocsOf(cells as Document | undefined) } : {};
  return success("skymap found", { ...rest, dateobs: dateText(dateobs), ...moc });
}

function mocsOf(cells: Document | undefined): Document {
  const mocs = Object.entries(cells ?? {}).map(([name, bytes]) => [
    name,
    bytes instanceof Uint8Array ? CellSet.fromBytes(bytes).toMoc() : null,
  ]);
  return Object.fromEntries(mocs);
}

async function remove(api: ApiContext, request: Request): Promise<Response> {
  const user = await api.identities.userOf(request);
  const given = await readBody(request, api.maxBodyBytes);
  const name = textOf(given["localization_name"], "localization_name");
  const names = namesOf(given);
  if (Object.keys(names).length === 0) throw badRequest("must provide dateobs, triggerid, or alias");
  const found = await oneAtATime(api.store, SKYMAPS, "skymaps", async () => {
    const there = await findSkymap(api.store, name, names);
    if (there !== undefined) await api.store.remove(SKYMAPS, there["_id"] ?? null);
    return there;
  });
  if (found === undefined) throw notFound("no skymap found");
  api.log.info({ skymap: found["_id"], by: user.name }, "skymap removed");
  return success("deleted 1 skymap");
}

function namesOf(given: Document): EventNames {
  const { dateobs, alias, aliases } = given;
  const others = [...readAliases(alias, "alias"), ...readAliases(aliases)];
  const triggerid = readTrigger(given["triggerid"], "triggerid");
  return {
    ...(dateobs === undefined || dateobs === null ? {} : { dateobs: readDate(dateobs, "dateobs") }),
    ...(triggerid === undefined ? {} : { triggerid }),
    ...(others.length === 0 ? {} : { aliases: others }),
  };
}
