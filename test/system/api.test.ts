/** The API of the executable as somebody with `curl` meets it, on the real packets. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { printed } from "../support/processes.ts";
import { hasRealPackets, type Served, serveRealPackets } from "../support/served.ts";
import { skipOrFail } from "../support/services.ts";

const curlPath = Bun.which("curl");
const isMissing = skipOrFail("curl", curlPath ?? undefined, "it is not on the PATH");
const CANDID = "1127561440015015001";

/** Runs curl with these words and answers what it printed. */
function curl(...words: string[]): Promise<string> {
  return printed([curlPath ?? "curl", "-sS", "--max-time", "20", ...words]);
}

describe.if(!isMissing && hasRealPackets("curl and real packets"))("curl", () => {
  let served: Served;
  let token: string;
  beforeAll(async () => {
    served = await serveRealPackets();
    const login = await curl(
      `${served.url}/api/auth`,
      "-d",
      JSON.stringify({ username: served.username, password: served.password }),
    );
    token = /"token":"([^"]+)"/.exec(login)?.[1] ?? "";
  }, 60_000);
  afterAll(() => served.close());

  const query = (text: string) =>
    curl(`${served.url}/api/queries`, "-H", `Authorization: Bearer ${token}`, "-d", text);

  test("logs in as the administrator of a first start without any file", () => {
    expect(token).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(statSync(join(served.dataDir, "secrets.json")).mode & 0o777).toBe(0o600);
    expect(served.output()).not.toContain(served.password);
  });

  test("finds by score with a projection", async () => {
    const answer = await query(
      '{"query_type":"find","query":{"catalog":"ZTF_alerts","filter":{"candidate.drb":{"$gt":0.9}},"projection":{"_id":0,"candid":1,"candidate.drb":1}}}',
    );
    const { status, data } = JSON.parse(answer) as { status: string; data: { candidate: { drb: number } }[] };
    expect([status, data.length]).toEqual(["success", 23]);
    for (const alert of data) {
      expect(Object.keys(alert).sort()).toEqual(["candid", "candidate"]);
      expect(Object.keys(alert.candidate)).toEqual(["drb"]);
      expect(alert.candidate.drb).toBeGreaterThan(0.9);
    }
  });

  test("gets a candid back as the integer it is, from a query and from the alert's address", async () => {
    const found = await query(
      `{"query_type":"find","query":{"catalog":"ZTF_alerts","filter":{"candid":${CANDID}},"projection":{"_id":0,"candid":1}}}`,
    );
    expect(found).toEndWith(`"data":[{"candid":${CANDID}}]}`);
    const header = `Authorization: ${token}`;
    const alert = await curl(`${served.url}/api/alerts/ztf/${CANDID}`, "-H", header);
    expect(alert).toContain(`"candid":${CANDID},`);
    const missing = await curl(
      "-w",
      " %{http_code}",
      `${served.url}/api/alerts/ztf/1127561440015015000`,
      "-H",
      header,
    );
    expect(missing).toEndWith(" 404");
  });

  test("sees an object whole", async () => {
    const object = await curl(`${served.url}/api/objects/ztf/ZTF20aajcdad`, "-H", `Authorization: ${token}`);
    for (const candid of ["1127495406315015005", "1127536316315015004"])
      expect(object).toContain(`"candid":${candid},`);
    expect(object).toContain('"prv_candidates":[{');
  });

  test("is answered from inside the executable at every address of the documentation", async () => {
    const written: string[] = [];
    for (const path of [
      "",
      "/",
      "/json",
      "/api/",
      "/api/swagger.json",
      "/assets/swagger-ui.css",
      "/assets/swagger-ui-bundle.js",
      "/assets/start.js",
      "/assets/icon.png",
    ]) {
      written.push(
        `${path} ${await curl("-o", "/dev/null", "-w", "%{http_code} %{content_type}", `${served.url}/docs${path}`)}`,
      );
    }
    expect(written).toEqual([
      " 200 text/html; charset=utf-8",
      "/ 200 text/html; charset=utf-8",
      "/json 200 application/json; charset=utf-8",
      "/api/ 200 text/html; charset=utf-8",
      "/api/swagger.json 200 application/json; charset=utf-8",
      "/assets/swagger-ui.css 200 text/css; charset=utf-8",
      "/assets/swagger-ui-bundle.js 200 text/javascript; charset=utf-8",
      "/assets/start.js 200 text/javascript; charset=utf-8",
      "/assets/icon.png 200 image/png",
    ]);
  });

  test("is told that it lives, is ready, and what it counts", async () => {
    expect(await curl(`${served.url}/health`)).toContain("alive");
    expect(await curl(`${served.url}/ready`)).toMatch(/"name":"store","ok":true,"detail":"embedded"/);
    expect(await curl(`${served.url}/metrics`)).toContain("process_resident_memory_bytes");
    expect((await curl("-I", `${served.url}/health`)).split("\r\n")[0]).toBe("HTTP/1.1 200 OK");
  });

  test("has nothing of its token in the log of the server", () => {
    expect(served.output()).not.toContain(token);
  });
});
