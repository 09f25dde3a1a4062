/** `/api/users`: accounts, for the administrator; everybody may change the own password. */
import { Elysia } from "elysia";
import type { Document } from "../query/index.ts";
import { type Account, AccountError } from "./accounts.ts";
import { readBody, requireText } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { badRequest, forbidden, HttpError, tooManyAttempts } from "./errors.ts";
import { alsoErrors, jsonBody } from "./openapi.ts";

const STATUS = { invalid: 400, administrator: 400, missing: 404, conflict: 409 } as const;

/** Runs account work, with its errors as HTTP errors. */
async function account<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AccountError) throw new HttpError(STATUS[error.kind], error.message);
    throw error;
  }
}

const FIELDS = {
  username: { type: "string" },
  password: { type: "string" },
  email: { type: "string", nullable: true },
  permissions: {
    type: "object",
    description: "Program ids by survey; a survey not named is unrestricted.",
    example: { ZTF: [1, 2] },
  },
  groups: { type: "array", items: { type: "integer" } },
};

export const users = (api: ApiContext) =>
  new Elysia({ prefix: "/api/users", detail: { tags: ["users"] } })
    .get(
      "",
      async ({ request }) => {
        await api.identities.administratorOf(request);
        return success("users", (await api.accounts.list()).map(publicView));
      },
      { detail: { summary: "List users" } },
    )
    .get(
      "/:username",
      async ({ request, params }) => {
        const user = await api.identities.userOf(request);
        if (!user.isAdministrator && user.name !== params.username) throw forbidden("admin rights required");
        const found = await api.accounts.find(params.username);
        if (found === undefined) throw new HttpError(404, `user ${params.username} not found`);
        return success(`user ${found.username}`, publicView(found));
      },
      { detail: { summary: "One user", description: "Users may ask for themselves." } },
    )
    .post("", async ({ request }) => add(api, request), {
      detail: {
        summary: "Add a user",
        requestBody: jsonBody(FIELDS, ["username", "password"]),
        responses: alsoErrors(409),
      },
    })
    .put("/:username", async ({ request, params }) => edit(api, request, params.username), {
      detail: {
        summary: "Change a user",
        description:
          "The administrator changes anything; users change their own password and give `current_password`.",
        requestBody: jsonBody({ ...FIELDS, current_password: { type: "string" } }),
        responses: alsoErrors(409, 429),
      },
    })
    .delete(
      "/:username",
      async ({ request, params }) => {
        await api.identities.administratorOf(request);
        await account(api.accounts.remove(params.username));
        api.identities.refresh();
        return success(`removed user ${params.username}`);
      },
      { detail: { summary: "Remove a user" } },
    );

function publicView({ username, email, permissions, groups, isAdmin, lastModified }: Account): Document {
  return {
    username,
    email,
    permissions: Object.fromEntries(Object.entries(permissions).map(([survey, ids]) => [survey, [...ids]])),
    groups: [...groups],
    administrator: isAdmin,
    last_modified: lastModified ?? null,
  };
}

async function add(api: ApiContext, request: Request): Promise<Response> {
  await api.identities.administratorOf(request);
  const given = await readBody(request, api.maxBodyBytes);
  if (given["username"] === undefined || given["password"] === undefined) {
    throw badRequest("username and password must be set");
  }
  const username = requireText(given, "username");
  const password = requireText(given, "password");
  await account(api.accounts.add({ username, password, ...optionalFields(given) }));
  api.identities.refresh();
  return success(`added user ${username}`);
}

async function edit(api: ApiContext, request: Request, username: string): Promise<Response> {
  const user = await api.identities.userOf(request);
  const given = await readBody(request, api.maxBodyBytes);
  if (!user.isAdministrator) await requireOwnPassword(api, request, user.name, username, given);
  const change = {
    ...(given["username"] === undefined ? {} : { username: requireText(given, "username") }),
    ...(given["password"] === undefined ? {} : { password: requireText(given, "password") }),
    ...optionalFields(given),
  };
  await account(api.accounts.edit(username, change));
  api.identities.refresh();
  return success(`edited user ${username}`);
}

/** Users who are no administrators may change their own password and nothing else. */
async function requireOwnPassword(
  api: ApiContext,
  request: Request,
  asking: string,
  username: string,
  given: Document,
): Promise<void> {
  const others = Object.keys(given).filter((field) =>
    ["username", "email", "permissions", "groups"].includes(field),
  );
  if (asking !== username || others.some((field) => field !== "username" || given["username"] !== username)) {
    throw forbidden("admin rights required");
  }
  const current = requireText(given, "current_password");
  const address = api.addressOf(request);
  const attempt = await api.attempts.try(username, address, () => api.accounts.verify(username, current));
  if ("waitSeconds" in attempt) throw tooManyAttempts(attempt.waitSeconds);
  if ("failed" in attempt) throw forbidden("current_password is wrong");
}

function optionalFields(given: Document) {
  const { email, permissions, groups } = given;
  if (email !== undefined && email !== null && typeof email !== "string")
    throw badRequest("email: expected a string");
  return {
    ...(email === undefined ? {} : { email }),
    ...(permissions === undefined ? {} : { permissions }),
    ...(groups === undefined ? {} : { groups }),
  };
}
