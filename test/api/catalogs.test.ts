/** `/api/catalogs`: lists and descriptions for users; loads, indexes and removal for administrators. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { openTestApi, type TestApi, type Who, ztfAlert } from "../support/api.ts";

let api: TestApi;

beforeAll(async () => {
  api = await openTestApi({
    alerts: [ztfAlert(1n, "ZTF20aahgyet", { programid: 1 }), ztfAlert(2n, "ZTF20aahgyet", { programid: 2 })],
  });
  const incoming = join(api.dataDir, "incoming");
  mkdirSync(incoming);
  await Bun.write(join(incoming, "stars.csv"), "name,ra,dec\na,10,20\nb,30,40\nc,50,95\n");
  await Bun.write(join(incoming, "more.csv"), "name,ra,dec\nd,60,70\n");
  const odd = Array.from({ length: 50 }, (_, i) => `${i},${i},${i === 0 ? "abc" : i / 10}`);
  await Bun.write(join(incoming, "odd.csv"), `ra,dec,mag\n${odd.join("\n")}\n`);
  await Bun.write(join(incoming, "empty.csv"), "ra,dec\n");
  await Bun.write(join(incoming, "wrong.csv"), "ra,dec\n1,95\n400,2\n");
  await Bun.write(join(api.dataDir, "private.csv"), "ra,dec\n1,2\n");
  Bun.spawnSync(["mkfifo", join(incoming, "pipe.csv")]);
  symlinkSync(join(incoming, "more.csv"), join(incoming, "linked.csv"));
});
afterAll(() => api.close());

interface Told {
  readonly status: number;
  readonly message: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of several forms
  readonly data: any;
}

async function ask(who: Who, method: string, path: string, body?: unknown): Promise<Told> {
  const { status, text } = await api.ask(who, method, `/api/catalogs${path}`, body);
  return { ...JSON.parse(text), status };
}

/** Waits until the job on a catalogue has ended. */
async function finished(name: string): Promise<Told["data"]> {
  for (;;) {
    const { data } = await ask("admin", "GET", `/${name}`);
    if (data.job.state !== "running") return data;
    await Bun.sleep(20);
  }
}

describe("administrators", () => {
  test("load, describe, index, append and remove", async () => {
    const begun = await ask("admin", "POST", "/stars", { files: ["stars.csv"], id: "name", max_bad_rows: 5 });
    expect([begun.status, begun.data.state]).toEqual([202, "running"]);
    const loaded = await finished("stars");
    expect(loaded.job).toMatchObject({
      kind: "load",
      state: "done",
      totals: { rows: 3, written: 2, bad: 1 },
      bad_rows: [
        {
          file: "stars.csv",
          kind: "line",
          place: 4,
          reason: "declination 95: expected -90 <= dec <= 90 degrees",
        },
      ],
    });
    expect(loaded).toMatchObject({
      name: "stars",
      documents: 2,
      fields: ["_id", "name", "ra", "dec", "coordinates"],
      loaded: { files: ["stars.csv"], rows: 2, bad_rows: 1 },
    });
    expect((await ask("admin", "POST", "/stars", { files: ["more.csv"] })).status).toBe(409);
    expect((await ask("admin", "POST", "/stars/indexes", { fields: ["name"] })).status).toBe(202);
    const indexed = await finished("stars");
    expect(indexed.indexes.map(({ name }: { name: string }) => name)).toEqual(["_id_", "radec", "name"]);
    await ask("admin", "POST", "/stars", { files: ["linked.csv"], id: "name", mode: "append" });
    expect((await finished("stars")).documents).toBe(3);
    const { data } = await ask("ada", "GET", "");
    expect(data).toMatchObject([{ name: "stars", rows: 3, bad_rows: 1, files: ["stars.csv", "linked.csv"] }]);
    expect((await ask("admin", "DELETE", "/stars")).message).toBe("removed stars");
    expect((await ask("ada", "GET", "/stars")).status).toBe(404);
    expect((await ask("ada", "GET", "")).data).toEqual([]);
  });

  test("are told why a load failed", async () => {
    for (const [body, word] of [
      [{ files: ["none.csv"] }, "there is no such file"],
      [{ files: ["pipe.csv"] }, "it is no regular file"],
      [{ files: ["stars.csv"], ra: "x" }, 'there is no column "x"'],
      [{ files: ["stars.csv"], max_bad_rows: 0 }, "more than 0 rows"],
    ] as const) {
      expect((await ask("admin", "POST", "/failing", body)).status).toBe(202);
      const { job } = await finished("failing");
      expect([job.state, job.error]).toEqual(["failed", expect.stringContaining(word)]);
    }
  });

  test("are told how a file was read", async () => {
    await ask("admin", "POST", "/odd", { files: ["odd.csv"] });
    const { job } = await finished("odd");
    expect(job).toMatchObject({ state: "done", totals: { written: 49, bad: 1 } });
    expect(job.notes).toContainEqual(
      expect.stringContaining('odd.csv: column mag is read as numbers, though line 2 has "abc"'),
    );
    expect((await ask("admin", "DELETE", "/odd")).status).toBe(200);
  });

  test("a load that stores nothing fails, and the catalogue stays", async () => {
    await ask("admin", "POST", "/kept", { files: ["more.csv"] });
    expect(await finished("kept")).toMatchObject({ documents: 1, job: { state: "done" } });
    for (const [file, word] of [
      ["empty.csv", "it has no rows"],
      ["wrong.csv", "none of the 2 rows could be stored"],
    ] as const) {
      await ask("admin", "POST", "/kept", { files: [file], mode: "replace" });
      const { documents, job } = await finished("kept");
      expect([documents, job.state, job.error]).toEqual([1, "failed", expect.stringContaining(word)]);
    }
    expect((await ask("admin", "DELETE", "/kept")).status).toBe(200);
  });

  test.each([
    ["/stars", {}, 400, "files: expected a list"],
    ["/stars", { files: "stars.csv" }, 400, "files: expected a list of texts"],
    ["/stars", { files: ["../private.csv"] }, 400, "not in the folder"],
    ["/stars", { files: ["/etc/passwd"] }, 400, "not in the folder"],
    ["/stars", { files: [""] }, 400, "not in the folder"],
    ["/users", { files: ["stars.csv"] }, 400, "Kowalski's own"],
    ["/1x", { files: ["stars.csv"] }, 400, "no name of a catalogue"],
    ["/stars", { files: ["stars.csv"], units: "miles" }, 400, "units: expected"],
    ["/stars", { files: ["stars.csv"], columns: ["a:tree"] }, 400, "columns: a:tree"],
    ["/stars", { files: ["stars.csv"], preset: "nothing" }, 400, "preset: expected one of"],
    ["/stars", { files: ["stars.csv"], mode: "merge" }, 400, "mode: expected"],
    ["/stars", { files: ["stars.csv"], hdu: 0 }, 400, "hdu: expected"],
    ["/stars", { files: ["stars.csv"], indexes: ["a"] }, 400, "indexes: expected"],
    ["/stars", { files: ["stars.csv"], indexes: [[]] }, 400, "indexes: expected"],
    ["/stars", { files: ["stars.csv"], indexes: [["$a"]] }, 400, 'indexes: "$a" is no name of a field'],
    ["/nowhere/indexes", { fields: ["a..b"] }, 400, 'fields: "a..b" is no name of a field'],
    ["/nowhere/indexes", { fields: ["a"] }, 404, "there is no catalogue nowhere"],
    ["/nowhere/indexes", {}, 400, "fields: expected"],
  ])("POST %s %j is %d", async (path, body, status, word) => {
    const answer = await ask("admin", "POST", path, body);
    expect([answer.status, answer.message]).toEqual([status, expect.stringContaining(word)]);
  });

  test("remove catalogues only", async () => {
    expect((await ask("admin", "DELETE", "/users")).status).toBe(404);
    expect((await ask("admin", "DELETE", "/ZTF_alerts")).status).toBe(404);
  });
});

describe("users", () => {
  test("who may not see all alerts are told of those they see only", async () => {
    const counts = await Promise.all(
      (["ada", "bea"] as const).map(async (who) => (await ask(who, "GET", "/ZTF_alerts")).data.documents),
    );
    expect(counts).toEqual([2, 1]);
    for (const part of ["aux", "cutouts", "classifications"]) {
      const answer = await ask("bea", "GET", `/ZTF_alerts_${part}`);
      expect([answer.status, answer.message]).toEqual([403, expect.stringContaining("proprietary")]);
    }
  });
  test.each([
    ["ada", "POST", "/stars", { files: ["stars.csv"] }, 403],
    ["ada", "POST", "/stars/indexes", { fields: ["a"] }, 403],
    ["ada", "DELETE", "/stars", undefined, 403],
    ["nobody", "GET", "", undefined, 401],
    ["nobody", "GET", "/stars", undefined, 401],
    ["nobody", "POST", "/stars", { files: ["stars.csv"] }, 401],
    ["ada", "GET", "/users", undefined, 404],
    ["ada", "GET", "/catalogs", undefined, 404],
    ["ada", "GET", "/stars~loading", undefined, 404],
  ] as const)("%s: %s %s is refused", async (who, method, path, body, status) => {
    expect((await ask(who, method, path, body)).status).toBe(status);
  });
});
