/** The OpenAPI description is valid, whole, and says what somebody needs who has only it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { queryTypes } from "../../src/api/queries/index.ts";
import { openTestApi, type TestApi } from "../support/api.ts";

interface Operation {
  readonly summary?: string;
  readonly operationId?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: unknown }>> };
  readonly responses: Readonly<Record<string, unknown>>;
  readonly parameters?: readonly { readonly name: string }[];
}

let api: TestApi;
let description: Record<string, unknown>;
let operations: [name: string, Operation][];
beforeAll(async () => {
  api = await openTestApi();
  description = JSON.parse((await api.ask("nobody", "GET", "/docs/json")).text) as Record<string, unknown>;
  const paths = description["paths"] as Record<string, Record<string, Operation>>;
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  );
});
afterAll(() => api.close());

test("is valid OpenAPI", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(description));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

test("has every route of the application", () => {
  const hidden = /^(GET|HEAD) \/docs/;
  const names = api.routes
    .map((route) => route.replace(/:([^/]+)/g, "{$1}"))
    .filter((name) => !hidden.test(name));
  expect(names.length).toBeGreaterThan(12);
  expect(operations.map(([name]) => name).sort()).toEqual([...new Set(names)].sort());
});

test("every operation has a summary, a group, a body where it takes one, answers and errors", () => {
  for (const [name, operation] of operations) {
    expect([name, (operation.summary ?? "").length > 3]).toEqual([name, true]);
    expect([name, operation.tags?.length]).toEqual([name, 1]);
    const content = operation.requestBody?.content ?? {};
    const takesBody = /^(POST|PUT|PATCH) /.test(name);
    if (takesBody) expect([name, Object.values(content)[0]?.schema !== undefined]).toEqual([name, true]);
    const isPublic = operation.security?.length === 0;
    const expected = ["200", "500", ...(isPublic ? [] : ["401"]), ...(name.includes("{") ? ["404"] : [])];
    for (const status of expected)
      expect([name, Object.keys(operation.responses)]).toEqual([name, expect.arrayContaining([status])]);
    for (const [, parameter = ""] of name.matchAll(/\{([^}]+)\}/g)) {
      expect([name, operation.parameters?.map((given) => given.name)]).toEqual([
        name,
        expect.arrayContaining([parameter]),
      ]);
    }
  }
  const ids = operations.map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test("what is public without a token, and only that, is answered without one", async () => {
  for (const [name, operation] of operations) {
    const [method = "", path = ""] = name.split(" ");
    const address = path.replace(/\{[^}]+\}/g, "1");
    const body = method === "GET" || method === "DELETE" ? undefined : {};
    const { status } = await api.ask("nobody", method, address, body);
    const isPublic = operation.security?.length === 0;
    expect([name, status === 401]).toEqual([name, !isPublic]);
  }
});

test("names every query type", () => {
  const text = JSON.stringify(description);
  for (const { name } of queryTypes) expect(text).toContain(`- \`${name}\`: `);
});
