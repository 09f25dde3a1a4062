/** Cross-matches through the executable, on the real packets: what users see of a catalogue that they load. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Double } from "bson";
import { openContainer } from "../../src/avro/index.ts";
import { type Document, isDocument } from "../../src/query/index.ts";
import { runExecutable, startServe } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type NamedPacket, realPackets } from "../support/packets.ts";
import { sharedDir } from "../support/shared.ts";
import { storedDocuments } from "../support/stored.ts";

const FAR_FROM_GALAXIES = [
  { $match: { "candidate.drb": { $gt: 0.1 }, "cross_matches.CLU_20190625.0": { $exists: false } } },
  { $project: { annotations: { drb: "$candidate.drb" } } },
];

interface Place {
  readonly objectId: string;
  readonly ra: number;
  readonly dec: number;
}

function placeOf({ bytes }: NamedPacket): Place {
  const [record] = [...openContainer(bytes).records()] as Document[];
  const candidate = record?.["candidate"];
  if (!isDocument(candidate)) throw new Error("the packet has no candidate");
  return {
    objectId: String(record?.["objectId"]),
    ra: Number(candidate["ra"]),
    dec: Number(candidate["dec"]),
  };
}

/** A catalogue of galaxies 5 arcsec north of places. */
function galaxies(places: readonly Place[], z: number): string {
  const rows = places.map(({ objectId, ra, dec }) => `${objectId},${ra},${dec + 5 / 3600},${z}`);
  return ["name,ra,dec,z", ...rows, "none,1.5,2.5,"].join("\n");
}

async function kowalski(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runExecutable(words);
  if (code !== 0) throw new Error(`${words.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}

const matchesIn = (object: Document | undefined) =>
  (object?.["cross_matches"] as { CLU_20190625?: Document[] } | undefined)?.CLU_20190625;

describe.skipIf(sharedDir() === undefined)("real packets", () => {
  const folder = temporaryFolder();
  const packets = sharedDir() === undefined ? [] : realPackets();
  const source = join(folder.path, "packets");
  const csv = join(folder.path, "galaxies.csv");
  const dataDir = join(folder.path, "data");
  const load = (z: number, places: readonly Place[], to: string, ...more: string[]) => {
    writeFileSync(csv, galaxies(places, z));
    return kowalski("catalog", "load", csv, "--name", "CLU_20190625", "--data-dir", to, ...more);
  };
  const nearGalaxies = new Set<string>();

  beforeAll(() => {
    mkdirSync(source);
    for (const { name, bytes } of packets) writeFileSync(join(source, name), bytes);
    for (const packet of packets.filter((_, n) => n % 3 === 0)) nearGalaxies.add(placeOf(packet).objectId);
  });
  afterAll(() => folder[Symbol.dispose]());

  test("a filter passes what is far from galaxies, and the matches are stored", async () => {
    const near = packets.map(placeOf).filter(({ objectId }) => nearGalaxies.has(objectId));
    await load(0.03, near, dataDir);
    const filter = join(folder.path, "filter.json");
    writeFileSync(filter, JSON.stringify(FAR_FROM_GALAXIES));
    const add = ["filter", "add", filter, "--id", "1", "--group", "1", "--permissions", "1,2,3"];
    await kowalski(...add, "--data-dir", dataDir);
    await kowalski("ingest", source, "--data-dir", dataDir);
    const passed = new Set(
      (await storedDocuments(dataDir, "outbox")).map(({ objectId }) => String(objectId)),
    );
    const objects = await storedDocuments(dataDir, "ZTF_alerts_aux");
    expect(objects.length).toBe(new Set(packets.map((packet) => placeOf(packet).objectId)).size);
    for (const object of objects) {
      const id = String(object["_id"]);
      const isNear = nearGalaxies.has(id);
      expect([id, matchesIn(object)?.length !== 0, passed.has(id)]).toEqual([id, isNear, !isNear]);
      if (isNear) expect(matchesIn(object)?.[0]).toMatchObject({ name: object["_id"], z: 0.03 });
    }
  });

  test("a catalogue that is replaced changes nothing until objects are matched once more", async () => {
    const first = packets.slice(0, 2).map(placeOf);
    await load(0.06, first, dataDir, "--replace");
    await kowalski("ingest", source, "--data-dir", dataDir);
    const [id] = [...nearGalaxies];
    const one = async () =>
      matchesIn((await storedDocuments(dataDir, "ZTF_alerts_aux", { _id: id ?? "" }))[0]);
    expect(await one()).toMatchObject([{ z: 0.03 }]);
    const said = await kowalski("catalog", "match", "CLU_20190625", "--data-dir", dataDir);
    expect(said).toMatch(/objects {4}\d+ of ZTF\nmatched {4}2 with a row/);
    const matched = (await storedDocuments(dataDir, "ZTF_alerts_aux")).filter(
      (object) => matchesIn(object)?.length !== 0,
    );
    expect(matched.map(({ _id }) => _id).toSorted()).toEqual(
      first.map(({ objectId }) => objectId).toSorted(),
    );
    for (const object of matched) {
      expect(matchesIn(object)).toMatchObject([{ z: 0.06, coordinates: { distance_kpc: new Double(6) } }]);
    }
  });

  test("a catalogue that is loaded while a server runs is used for the next objects", async () => {
    const served = join(folder.path, "served");
    const watched = join(folder.path, "watched");
    const config = join(folder.path, "served.yaml");
    for (const path of [served, watched]) mkdirSync(path);
    writeFileSync(config, JSON.stringify({ sources: [{ path: watched, watch: true }] }));
    const [early, late] = [packets.slice(0, 12), packets.slice(12)];
    const put = (some: readonly NamedPacket[]) => {
      for (const { name, bytes } of some) writeFileSync(join(watched, name), bytes);
    };
    const stored = async (count: number) => {
      for (let tries = 0; tries < 200; tries++) {
        const alerts = await storedDocuments(served, "ZTF_alerts").catch(() => []);
        if (alerts.length === count) return storedDocuments(served, "ZTF_alerts_aux");
        await Bun.sleep(100);
      }
      throw new Error(`${count} alerts were not stored`);
    };
    put(early);
    const server = await startServe(served, { words: ["--config", config] });
    try {
      const before = await stored(early.length);
      expect(before.flatMap((object) => matchesIn(object) ?? [])).toEqual([]);
      expect(server.output()).toContain("cross-matches of ZTF: 0 of 14 catalogues loaded");
      await load(0.03, late.map(placeOf), served);
      put(late);
      const known = new Set(before.map(({ _id }) => _id));
      for (const object of await stored(packets.length)) {
        if (known.has(object["_id"] ?? null)) expect(matchesIn(object)).toEqual([]);
        else expect(matchesIn(object)).toMatchObject([{ name: object["_id"] }]);
      }
    } finally {
      await server.stop();
    }
  });

  test("check names catalogues that are configured and not loaded, and rules that are wrong", async () => {
    const config = join(folder.path, "check.yaml");
    const checked = async (crossMatches: object) => {
      writeFileSync(config, JSON.stringify({ cross_matches: crossMatches }));
      const { stdout } = await runExecutable(["check", "--config", config, "--data-dir", dataDir]);
      return stdout.split("\n").find((line) => line.includes("catalogues"));
    };
    expect(await checked({})).toMatch(/^ok .*ZTF: 1 of 14 catalogues loaded; no matches with .*NED_BetaV3/);
    expect(await checked({ ZTF: { Mine: {} } })).toMatch(
      /^FAIL .*cross_matches\.ZTF\.Mine: there is no such cat/,
    );
    expect(await checked({ ZTF: { X: { sort: { a: 3 } } } })).toMatch(
      /^FAIL .*cross_matches\.ZTF\.X\.sort\.a/,
    );
  });
});
