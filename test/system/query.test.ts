/** `kowalski query`: on a data folder, beside a server, and on a server; the same answers and words everywhere. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cleanEnvironment, executable, runExecutable } from "../support/executable.ts";
import { adminToken, hasRealPackets, type Served, serveRealPackets } from "../support/served.ts";

const CANDID = "1127561440015015001";

describe.if(hasRealPackets("kowalski query on real packets"))("kowalski query", () => {
  let served: Served;
  let tokenFile: string;
  beforeAll(async () => {
    served = await serveRealPackets();
    tokenFile = join(served.dataDir, "token");
    writeFileSync(tokenFile, `${await adminToken(served)}\n`);
  }, 60_000);
  afterAll(() => served.close());

  const local = (...words: string[]) => runExecutable(["query", ...words, "--data-dir", served.dataDir]);
  const remote = (...words: string[]) =>
    runExecutable(["query", ...words, "--url", served.url, "--token-file", tokenFile]);
  const ways = [
    ["beside a server", local],
    ["on a server", remote],
  ] as const;

  for (const [way, query] of ways) {
    test(`finds, ${way}`, async () => {
      const one = await query(
        "find",
        "ZTF_alerts",
        "--filter",
        `{"candid": ${CANDID}}`,
        "--projection",
        '{"_id": 0, "candid": 1, "candidate.exptime": 1}',
        "--json",
      );
      expect([one.code, one.stderr]).toEqual([0, ""]);
      expect(one.stdout).toContain(`"candid":${CANDID}`);
      expect(one.stdout).toMatch(/^\{.*"candidate":\{"exptime":30\.0\}.*\}\n$/);
      const many = await query(
        "find",
        "ZTF_alerts",
        "--filter",
        "{'candidate.drb': {'$gt': 0.9}}",
        "--sort",
        '{"candid": -1}',
        "--limit",
        "2",
        "--json",
      );
      expect(many.stdout.trim().split("\n")).toHaveLength(2);
    });

    test(`prints for people, ${way}`, async () => {
      const { stdout } = await query(
        "find_one",
        "ZTF_alerts",
        "--filter",
        `{"candid": ${CANDID}}`,
        "--projection",
        '{"_id": 0, "candid": 1}',
      );
      expect(stdout).toBe(`{\n  "candid": ${CANDID}\n}\n`);
      expect((await query("info", "catalog_names")).stdout).toBe(
        '"ZTF_alerts_cutouts"\n"ZTF_alerts_aux"\n"ZTF_alerts"\n',
      );
      expect((await query("count_documents", "ZTF_alerts")).stdout).toBe("24\n");
      expect(await query("find", "ZTF_alerts", "--filter", '{"candid": 1}')).toEqual({
        code: 0,
        stdout: "",
        stderr: "",
      });
    });

    test(`searches round positions, ${way}`, async () => {
      const words = ["ZTF_alerts", "--radec", "71.6577756 -10.2263957", "--radius", "3", "--json"];
      for (const type of ["cone_search", "near"]) {
        const { stdout } = await query(
          type,
          ...words,
          "--projection",
          '{"_id": 0, "candid": 1}',
          "--distance",
        );
        expect(stdout).toMatch(
          /^\{"ZTF_alerts":\{"\(71_6577756, -10_2263957\)":\[\{"candid":1127107111615015007,"coordinates":\{"distance_arcsec":0\.\d+\}\}\]\}\}\n$/,
        );
      }
      const { stdout } = await query(
        "coordinates",
        "04:46:37.8661 -10:13:35.025",
        "--from",
        "71.65 -10.22",
        "--json",
      );
      expect(stdout).toContain('"radec_str":["04:46:37.8661","-10:13:35.025"]');
      expect(stdout).toMatch(/"separation":\{"deg":0\.0099\d+,/);
      expect((await query("cone_search", "ZTF_alerts")).stderr).toContain("--radec");
    });

    test(`aggregates and explains, ${way}`, async () => {
      const stages = '[{"$group": {"_id": "$objectId", "n": {"$sum": 1}}}, {"$match": {"n": {"$gt": 1}}}]';
      expect((await query("aggregate", "ZTF_alerts", "--pipeline", stages, "--json")).stdout).toBe(
        '{"_id":"ZTF20aajcdad","n":2}\n',
      );
      const explained = await query(
        "find",
        "ZTF_alerts",
        "--filter",
        `{"candid": ${CANDID}}`,
        "--explain",
        "--json",
      );
      expect(explained.stdout).toBe('{"index":"candid","documentsExamined":1,"documentsReturned":1}\n');
    });

    test(`takes a whole request, ${way}`, async () => {
      const request = '{"query_type": "count_documents", "query": {"catalog": "ZTF_alerts", "filter": {}}}';
      const file = join(served.dataDir, "request.json");
      writeFileSync(file, request);
      for (const given of [request, `@${file}`]) expect((await query(given)).stdout).toBe("24\n");
      expect(
        (await query(`{"queries": [${request}, ${request}]}`, "--json")).stdout.trim().split("\n"),
      ).toHaveLength(2);
    });

    test(`says what is wrong, ${way}`, async () => {
      expect(await query("find", "ZTF_alerts", "--filter", '{"candid": {"$gtt": 1}}')).toEqual({
        code: 1,
        stdout: "",
        stderr: "kowalski: filter.candid.$gtt: unknown operator, did you mean $gt?\n",
      });
      const unknown = await query("fnd", "ZTF_alerts");
      expect([unknown.code, unknown.stderr]).toEqual([
        1,
        expect.stringContaining("query_type: expected one of find"),
      ]);
      expect((await query("find", "ZTF_alerts", "--max-time-ms", "0")).code).toBe(2);
      expect((await query()).code).toBe(2);
    });
  }

  test("reads a request from standard input", async () => {
    const child = Bun.spawn([await executable(), "query", "-", "--data-dir", served.dataDir], {
      env: cleanEnvironment(),
      stdin: new Blob(['{"query_type": "estimated_document_count", "query": {"catalog": "ZTF_alerts"}}']),
      stdout: "pipe",
      stderr: "inherit",
    });
    expect(await new Response(child.stdout).text()).toBe("24\n");
  });

  test("logs in with the secrets at hand, and says when a server is not there or refuses", async () => {
    const secrets = join(served.dataDir, "secrets.json");
    const words = ["query", "count_documents", "ZTF_alerts", "--url"];
    expect((await runExecutable([...words, served.url, "--secrets", secrets])).stdout).toBe("24\n");
    writeFileSync(join(served.dataDir, "wrong"), "nonsense");
    const refused = await runExecutable([
      ...words,
      served.url,
      "--token-file",
      join(served.dataDir, "wrong"),
    ]);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("token is invalid")]);
    const nobody = await runExecutable([...words, "http://127.0.0.1:9", "--token-file", tokenFile]);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("no answer")]);
    expect((await runExecutable([...words, "127.0.0.1:9"])).code).toBe(2);
  });

  test("teaches in its help", async () => {
    const { stdout } = await runExecutable(["query", "--help"]);
    for (const part of ["kowalski query find ZTF_alerts --filter", "--pipeline STAGES", "--url URL"])
      expect(stdout).toContain(part);
  });
});
