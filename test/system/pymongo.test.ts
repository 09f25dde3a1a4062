/** What the executable wrote to MongoDB, as Python's own driver reads it: users have notebooks that do. */
import { describe, expect, test } from "bun:test";
import { MongoClient } from "mongodb";
import { runExecutable } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { pythonWith } from "../support/python.ts";
import { hasRealPackets } from "../support/served.ts";
import { skipOrFail } from "../support/services.ts";
import { sharedPath } from "../support/shared.ts";

const python = await pythonWith("pymongo", ["pymongo==4.15.3"]);
const mongod = await testReplicaSet();
const isMissing =
  skipOrFail("Python's MongoDB driver", typeof python === "string", String(python)) ||
  skipOrFail("a replica set", typeof mongod !== "string", String(mongod));

const SCRIPT = `
import json, math, sys
from pymongo import MongoClient
db = MongoClient(sys.argv[1])[sys.argv[2]]
candid = 1127561440015015001
alert = db.ZTF_alerts.find_one({"candid": candid})
cutouts = db.ZTF_alerts_cutouts.find_one({"candid": candid})
aux = db.ZTF_alerts_aux.find_one({"_id": alert["objectId"]})
point = alert["coordinates"]["radec_geojson"]["coordinates"]
near = {"coordinates.radec_geojson": {"$geoWithin": {"$centerSphere": [point, math.radians(2 / 3600)]}}}
plan = db.command("explain", {"find": "ZTF_alerts", "filter": near}, verbosity="queryPlanner")
kind = lambda value: type(value).__name__
print(json.dumps({
    "alerts": db.ZTF_alerts.count_documents({}),
    "candid": [int(alert["candid"]), kind(alert["candid"]), kind(alert["_id"])],
    "types": {key: kind(alert["candidate"][key]) for key in ("jd", "fid", "magpsf", "isdiffpos", "programid", "exptime", "pid")},
    "geojson": [alert["coordinates"]["radec_geojson"]["type"], [kind(part) for part in point]],
    "near": [str(found["candid"]) for found in db.ZTF_alerts.find(near)],
    "stages": json.dumps(plan["queryPlanner"]["winningPlan"]),
    "history": [kind(aux["prv_candidates"]), kind(aux["prv_candidates"][0]["jd"]), len(aux["prv_candidates"])],
    "stamp": [kind(cutouts["cutoutScience"]["stampData"]), cutouts["cutoutScience"]["stampData"][:2].hex()],
}))
`;

describe.skipIf(isMissing || !hasRealPackets("what pymongo reads of real packets"))("pymongo", () => {
  test("reads alerts with the types that the original wrote, and searches positions by index", async () => {
    using folder = temporaryFolder();
    const { url } = typeof mongod === "string" ? { url: "" } : mongod;
    const name = testDatabaseName();
    const address = new URL(url);
    address.pathname = `/${name}`;
    const store = address.toString();
    const words = ["ingest", "--data-dir", folder.path, "--store", store, sharedPath("data", "ztf")];
    const ingest = await runExecutable(words);
    expect(`${ingest.code} ${ingest.stderr}`).toStartWith("0 ");
    const child = Bun.spawnSync([String(python), "-c", SCRIPT, url, name]);
    expect(child.stderr.toString()).toBe("");
    const told = JSON.parse(child.stdout.toString().replace(/(\[)(\d{17,})/, '$1"$2"')) as Record<
      string,
      unknown
    >;
    expect(told).toMatchObject({
      alerts: 24,
      candid: ["1127561440015015001", "Int64", "Int64"],
      types: {
        jd: "float",
        fid: "int",
        magpsf: "float",
        isdiffpos: "str",
        programid: "int",
        exptime: "float",
        pid: "Int64",
      },
      geojson: ["Point", ["float", "float"]],
      near: ["1127561440015015001"],
      stamp: ["bytes", "1f8b"],
      history: ["list", "float", expect.any(Number)],
    });
    expect(String(told["stages"])).toContain("2dsphere");
    const client = new MongoClient(url);
    await client.db(name).dropDatabase();
    await client.close();
  });
});
