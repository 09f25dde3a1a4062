/** `/api/filters`: filters as documents, for administrators and for the members of their groups. */
import { Elysia } from "elysia";
import { type Author, FilterError, type FilterErrorKind } from "../filters/index.ts";
import type { Document } from "../query/index.ts";
import { readBody } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { badRequest, HttpError } from "./errors.ts";
import type { User } from "./identity.ts";
import { jsonBody } from "./openapi.ts";
import { visiblePrograms } from "./visibility.ts";

const STATUS = { invalid: 400, missing: 404, forbidden: 403, conflict: 409 } as const satisfies Record<
  FilterErrorKind,
  number
>;

const IDENTITY = {
  filter_id: { type: "integer", minimum: 1, description: "The filter's number within its group." },
  group_id: { type: "integer", minimum: 1, description: "The group that the filter belongs to." },
} as const;
const SETTINGS = {
  permissions: {
    type: "array",
    items: { type: "integer" },
    description:
      "Program ids whose alerts and history rows the filter sees: 1 public, 2 partnership, 3 Caltech.",
  },
  active: { type: "boolean", description: "Whether the filter runs on new alerts." },
  autosave: {
    description:
      "Whether matches are saved to the group: true, false, or {active, comment, pipeline, ignore_group_ids, saver_id}.",
  },
  auto_followup: {
    type: "object",
    description:
      "Follow-up requests: {active, comment, pipeline, allocation_id, payload, target_group_ids, " +
      "ignore_allocation_ids, not_if_tns_reported, radius, validity_days, priority_order, implements_update}.",
  },
  update_annotations: { type: "boolean", description: "Whether a later match updates the annotations." },
} as const;
const PIPELINE = {
  description: "The stages, as a list or as text of extended JSON.",
  example: [
    { $match: { "candidate.drb": { $gt: 0.9 }, "cross_matches.CLU_20190625.0": { $exists: false } } },
    { $project: { annotations: { drb: "$candidate.drb" } } },
  ],
} as const;

export const filters = (api: ApiContext) =>
  new Elysia({ prefix: "/api/filters", detail: { tags: ["filters"] } })
    .get("", async ({ request }) => list(api, request), {
      detail: {
        summary: "List filters",
        description: "Those of your groups; `group_id`, `catalog` and `active` in the address narrow it.",
      },
    })
    .get("/:filter_id", async ({ request, params }) => show(api, request, params.filter_id), {
      detail: {
        summary: "One filter",
        description: "`group_id` in the address, where several groups have a filter of this number.",
      },
    })
    .post("", async ({ request }) => save(api, request), {
      detail: {
        summary: "Make a filter, or add a version",
        description:
          "The new version becomes the active one. Settings that are given are set; those left out stay.",
        requestBody: jsonBody(
          {
            ...IDENTITY,
            catalog: { type: "string", example: "ZTF_alerts" },
            pipeline: PIPELINE,
            ...SETTINGS,
          },
          ["filter_id", "group_id", "catalog", "pipeline"],
        ),
      },
    })
    .patch("", async ({ request }) => change(api, request), {
      detail: {
        summary: "Change a filter's settings or its active version",
        requestBody: jsonBody(
          {
            ...IDENTITY,
            active_fid: { type: "string", description: "Which version runs: a `fid` of its `fv`." },
            ...SETTINGS,
          },
          ["filter_id"],
        ),
      },
    })
    .delete("/:filter_id", async ({ request, params }) => remove(api, request, params.filter_id), {
      detail: { summary: "Remove a filter with all its versions" },
    });

/** Runs filter work, with its errors as HTTP errors. */
export async function filterWork<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FilterError) throw new HttpError(STATUS[error.kind], error.message);
    throw error;
  }
}

/** The user as an author of filters. */
export function authorOf(user: User): Author {
  return {
    name: user.name,
    isAdministrator: user.isAdministrator,
    groups: user.account.groups,
    programs: (survey) => visiblePrograms(user, survey),
  };
}

/** Digits of an address as a number. */
export function numberOf(text: string, name: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw badRequest(`${name}: expected a whole number, got ${text.slice(0, 40)}`);
}

/** `group_id` of the address, when it is there. */
export function groupOf(request: Request): number | undefined {
  const text = new URL(request.url).searchParams.get("group_id");
  return text === null ? undefined : numberOf(text, "group_id");
}

async function list(api: ApiContext, request: Request): Promise<Response> {
  const user = await api.identities.userOf(request);
  const { searchParams } = new URL(request.url);
  const group = groupOf(request);
  const catalog = searchParams.get("catalog");
  const active = searchParams.get("active");
  if (active !== null && active !== "true" && active !== "false") {
    throw badRequest("active: expected true or false");
  }
  const found = await api.filters.list(authorOf(user), {
    ...(group === undefined ? {} : { group_id: group }),
    ...(catalog === null ? {} : { catalog }),
    ...(active === null ? {} : { active: active === "true" }),
  });
  return success(`Retrieved ${found.length} filters`, found);
}

async function show(api: ApiContext, request: Request, id: string): Promise<Response> {
  const user = await api.identities.userOf(request);
  const filterId = numberOf(id, "filter_id");
  const filter = await filterWork(() => api.filters.get(authorOf(user), filterId, groupOf(request)));
  return success(`Retrieved filter id ${filterId}`, filter);
}

async function save(api: ApiContext, request: Request): Promise<Response> {
  const user = await api.identities.userOf(request);
  const given = await readBody(request, api.maxBodyBytes);
  const { filter, version, note } = await filterWork(() => api.filters.save(authorOf(user), given));
  api.log.info({ filter: filter._id, fid: version.fid, by: user.name }, "filter version saved");
  const answer: Document = version;
  return success(`${note}\nsaved new filter version: ${version.fid}`, answer);
}

async function change(api: ApiContext, request: Request): Promise<Response> {
  const user = await api.identities.userOf(request);
  const given = await readBody(request, api.maxBodyBytes);
  const filter = await filterWork(() => api.filters.change(authorOf(user), given));
  api.log.info({ filter: filter._id, active: filter.active, by: user.name }, "filter changed");
  return success(`Updated filter id ${filter.filter_id}`, filter);
}

async function remove(api: ApiContext, request: Request, id: string): Promise<Response> {
  const user = await api.identities.userOf(request);
  const filterId = numberOf(id, "filter_id");
  await filterWork(() => api.filters.remove(authorOf(user), filterId, groupOf(request)));
  api.log.info({ filter: filterId, by: user.name }, "filter removed");
  return success(`Removed filter id ${filterId}`);
}
