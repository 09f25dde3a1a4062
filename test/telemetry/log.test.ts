import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { createLog, Redactor } from "../../src/telemetry/index.ts";

function logged(work: (log: ReturnType<typeof createLog>) => void, pretty = false): string {
  let text = "";
  work(createLog({ level: "trace", stream: "stdout", pretty, write: (line) => (text += line) }));
  return text;
}

describe("nothing secret is logged", () => {
  const cases: [name: string, fields: Record<string, unknown>][] = [
    ["a password", { password: "hunter2hunter2" }],
    ["deep inside", { request: { body: { admin_password: "hunter2hunter2" } } }],
    ["in a list", { users: [{ name: "ada", password: "hunter2hunter2" }] }],
    ["a header", { headers: { Authorization: "Bearer hunter2hunter2" } }],
    ["a token in a text", { line: "sent Bearer hunter2hunter2.x.y" }],
    ["an address", { source: "https://ada:hunter2hunter2@depot/night.tar.gz" }],
    ["an error", { err: new Error("cannot reach mongodb://u:hunter2hunter2@h/db") }],
  ];
  test.each(cases)("%s", (_, fields) => {
    for (const pretty of [false, true]) {
      const text = logged(({ log }) => log.info(fields, "message"), pretty);
      expect(text).toContain("[redacted]");
      expect(text).not.toContain("hunter2");
    }
  });

  test("known values are censored wherever they appear, with their escapes", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 20 }), (secret) => {
        // A value that is part of every line cannot be told from it.
        fc.pre(!JSON.stringify({ level: "info", msg: "before after [redacted] field" }).includes(secret));
        const text = logged(({ log, redactor }) => {
          redactor.add([secret]);
          log.info({ field: `x${secret}x` }, `before ${secret} after`);
        });
        const fields = JSON.parse(text);
        expect(fields.msg).not.toContain(secret);
        expect(fields.field).not.toContain(secret);
      }),
    );
  });

  test("a JSON web token is censored", () => {
    const token = `eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyX2lkIjoiYWRhIn0.${"a".repeat(43)}`;
    expect(new Redactor().text(`got ${token}`)).toBe("got [redacted]");
  });

  test("words that are too short to be secrets are left alone", () => {
    const redactor = new Redactor();
    redactor.add(["ok"]);
    expect(redactor.text("ok")).toBe("ok");
  });
});

test("a line is JSON with time, level, message and exact integers", () => {
  const line = JSON.parse(logged(({ log }) => log.warn({ candid: 1127561440015015001n }, "seen")));
  expect(line).toMatchObject({ level: "warn", msg: "seen", candid: "1127561440015015001" });
  expect(Number.isNaN(Date.parse(line.time))).toBe(false);
});

test("a line for people has the clock, the level and the fields", () => {
  const text = logged(({ log }) => log.info({ count: 3, path: "a b" }, "stored"), true);
  expect(text).toMatch(/^\d\d:\d\d:\d\d .*INFO.* stored count=3 path="a b"\n$/);
});
