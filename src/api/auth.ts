/** `POST /api/auth`: a token for a user name and password. */
import { Elysia } from "elysia";
import { readBody, requireText } from "./body.ts";
import type { ApiContext } from "./context.ts";
import { success } from "./envelope.ts";
import { HttpError, tooManyAttempts } from "./errors.ts";
import { alsoErrors } from "./openapi.ts";

export const auth = (api: ApiContext) =>
  new Elysia().post("/api/auth", async ({ request }) => login(api, request), {
    detail: {
      tags: ["auth"],
      summary: "Log in",
      description: "Answers a token; send it with further requests as `Authorization: Bearer <token>`.",
      security: [],
      responses: {
        200: {
          description: "Logged in.",
          content: {
            "application/json": {
              schema: {
                type: "object",
                required: ["status", "token"],
                properties: {
                  status: { type: "string", enum: ["success"] },
                  message: { type: "string" },
                  token: { type: "string" },
                },
              },
            },
          },
        },
        ...alsoErrors(401, 429),
      },
      requestBody: {
        required: true,
        content: {
          "application/json": {
            schema: {
              type: "object",
              required: ["username", "password"],
              properties: { username: { type: "string" }, password: { type: "string", format: "password" } },
            },
            example: { username: "admin", password: "" },
          },
        },
      },
    },
  });

async function login(api: ApiContext, request: Request): Promise<Response> {
  const body = await readBody(request, api.maxBodyBytes);
  const username = requireText(body, "username");
  const password = requireText(body, "password");
  const address = api.addressOf(request);
  await api.accountsReady;
  const attempt = await api.attempts.try(username, address, () => api.accounts.verify(username, password));
  if ("waitSeconds" in attempt) throw tooManyAttempts(attempt.waitSeconds);
  if ("failed" in attempt) {
    api.log.warn({ address }, "failed login");
    throw new HttpError(401, "wrong credentials");
  }
  return success("logged in", undefined, { token: await api.identities.tokenFor(attempt.value) });
}
