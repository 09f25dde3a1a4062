/** What filters report of alerts that are ingested, as it stands in the outbox. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Client } from "../support/client.ts";
import { runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

// The executable is built at first use, and other work may share the cores.
setDefaultTimeout(120_000);

describe("matches", () => {
  test("keep the types of their values on the way from the filter to the store", async () => {
    using folder = temporaryFolder();
    const server = await startServe(folder.path);
    const { url, token } = await Client.ofAdministrator(server.url, folder.path);
    const send = async (path: string, body: object) => {
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
      return answer.text();
    };
    const annotations = { exposure: "$candidate.exptime", filter: "$candidate.fid", image: "$candidate.pid" };
    await send("/api/filters", {
      group_id: 1,
      filter_id: 1,
      catalog: "ZTF_alerts",
      permissions: [1, 2, 3],
      pipeline: [{ $match: { "candidate.fid": 1 } }, { $project: { annotations } }],
    });
    const packets = join(folder.path, "night.tar");
    await runExecutable(["simulate", "--out", packets, "--alerts", "40", "--no-cutouts"]);
    expect((await runExecutable(["ingest", "--data-dir", folder.path, packets])).code).toBe(0);
    const query = { catalog: "outbox", filter: {}, projection: { _id: 0, "document.annotations": 1 } };
    const found = await send("/api/queries", { query_type: "find", query, kwargs: { limit: 1 } });
    expect(found).toMatch(/"annotations":\{"exposure":30\.0,"filter":1,"image":\d{13}\}/);
    expect(await server.stop()).toBe(0);
  });
});
