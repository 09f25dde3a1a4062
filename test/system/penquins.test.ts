/** The Python client `penquins`, which users have, against the executable. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { cleanEnvironment } from "../support/executable.ts";
import { pythonWith } from "../support/python.ts";
import { hasRealPackets, type Served, serveRealPackets } from "../support/served.ts";
import { skipOrFail } from "../support/services.ts";

const python = await pythonWith("penquins", ["penquins==2.4.2"]);
const isMissing = skipOrFail(
  "the Python client penquins",
  typeof python === "string",
  python instanceof Error ? python.message : "",
);
const DONE = { status: "success", message: "Successfully executed query" };

describe.if(!isMissing && hasRealPackets("penquins against real packets"))("penquins 2.4.2", () => {
  let served: Served;
  let told: Record<string, unknown>;
  beforeAll(async () => {
    served = await serveRealPackets();
    const child = Bun.spawn([String(python), join(import.meta.dir, "penquins-client.py")], {
      env: cleanEnvironment({
        KOWALSKI_URL: served.url,
        KOWALSKI_USERNAME: served.username,
        KOWALSKI_PASSWORD: served.password,
      }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: 60_000,
    });
    const [text, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if ((await child.exited) !== 0) throw new Error(`the client failed:\n${errors}`);
    told = JSON.parse(text) as Record<string, unknown>;
  }, 90_000);
  afterAll(() => served.close());

  test("connects with user and password and with a token, and pings", () => {
    expect([told["ping"], told["ping with token"], told["user"]]).toEqual([true, true, true]);
  });

  test("lists the catalogues", () => {
    expect(told["catalogs"]).toEqual(["ZTF_alerts_cutouts", "ZTF_alerts_aux", "ZTF_alerts"]);
    expect(told["catalog_names"]).toEqual({ ...DONE, data: ["skymaps", ...(told["catalogs"] as string[])] });
  });

  test("finds, with exact integers and doubles that stay doubles", () => {
    expect(told["exact"]).toBe(true);
    expect(JSON.stringify(told["find"])).toContain('"objectId":"ZTF20aahgyet"');
    expect(told["find with kwargs"]).toMatchObject(DONE);
    const drbs = (told["find with kwargs"] as { data: { candidate: { drb: number } }[] }).data.map(
      ({ candidate }) => candidate.drb,
    );
    expect(drbs).toHaveLength(2);
    expect(drbs[0]).toBeGreaterThanOrEqual(drbs[1] ?? 2);
    expect(told["find_one"]).toMatchObject(DONE);
    expect(told["find_one of none"]).toEqual(DONE);
    expect(told["find with text"]).toEqual({ ...DONE, data: [{ objectId: "ZTF20aahgyet" }] });
  });

  test("counts and asks for information", () => {
    expect(told["count_documents"]).toEqual({ ...DONE, data: 23 });
    expect(told["estimated_document_count"]).toEqual({ ...DONE, data: 24 });
    expect(told["catalog_info"]).toMatchObject({ ...DONE, data: { ns: "ZTF_alerts", count: 24 } });
    expect(told["index_info"]).toMatchObject({ ...DONE, data: { candid: { unique: true } } });
    expect(told["db_info"]).toMatchObject({ ...DONE, data: { db: "kowalski" } });
  });

  test("searches round positions", () => {
    const found = (key: string) => ({
      ...DONE,
      data: { ZTF_alerts: { [key]: [{ candid: Number(1127107111615015007n) }] } },
    });
    expect(told["cone_search"]).toEqual(found("object1"));
    expect(told["cone_search with text"]).toEqual(found("(71_6577756, -10_2263957)"));
    expect(told["near"]).toEqual(found("object1"));
    expect((told["cones in a batch"] as number[]).toSorted((a, b) => a - b)).toEqual([1, 360]);
  });

  test("keeps a skymap of an event and finds alerts in it", () => {
    expect(told["put skymap"]).toMatchObject({ status: "success", data: { contours: [90] } });
    expect(told["get skymap"]).toEqual(["center", "contour90"]);
    expect(told["skymap"]).toEqual({ ...DONE, data: [{ candid: Number(1127107111615015007n) }] });
    expect(told["delete skymap"]).toEqual({ status: "success", message: "deleted 1 skymap" });
  });

  test("aggregates with a join, and saves a query for later", () => {
    expect(told["aggregate"]).toMatchObject({ ...DONE, data: [{ history: true }] });
    expect(told["saved"]).toMatchObject({ status: "success", message: "query enqueued" });
    expect(told["saved answer"]).toMatchObject({ status: "success", data: { state: "done", result: 24 } });
  });

  test("asks several queries, in threads of its own and in one request", () => {
    const counts = [
      { ...DONE, data: 24 },
      { ...DONE, data: 1 },
    ];
    const batch = (told["batch"] as { default: { data: number }[] }).default;
    expect(batch.sort((a, b) => b.data - a.data)).toEqual(counts);
    expect(told["queries one by one"]).toEqual({ default: { ...DONE, data: 1 } });
    expect(told["api"]).toEqual({ ...DONE, data: [counts[0], { ...DONE, data: 0 }] });
  });

  test("manages users, and is told in words what is wrong", () => {
    expect(told["add user"]).toEqual({ status: "success", message: "added user ada" });
    expect(told["change user"]).toEqual({ status: "success", message: "edited user ada" });
    expect(told["alert"]).toBe(true);
    expect(told["wrong operator"]).toMatchObject({
      status: "error",
      message: expect.stringContaining("did you mean $gt?"),
    });
    expect(told["closed"]).toMatchObject({
      status: "error",
      message: expect.stringContaining("Protected collection"),
    });
    expect(told["remove user, as a user"]).toMatchObject({
      status: "error",
      message: "admin rights required",
    });
    expect(told["wrong password"]).toContain("wrong credentials");
    expect(told["wrong token"]).toEqual([]);
  });
});
