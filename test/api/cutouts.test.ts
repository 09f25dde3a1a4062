/** `/api/cutouts`: pictures and files, what is refused, and what is kept from whom. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { PNG } from "pngjs";
import type { AlertRecord } from "../../src/store/index.ts";
import { fitsOf } from "../cutouts/stamps.ts";
import { openTestApi, scenarios, type TestApi, ztfAlert } from "../support/api.ts";

const CANDID = 1127561440015015001n;
const FITS = fitsOf(
  5,
  5,
  Array.from({ length: 25 }, (_, n) => n),
);
const BLANK = fitsOf(
  2,
  2,
  [1, 2, 3, 4].map(() => Number.NaN),
);

function withCutouts(alert: AlertRecord, ...stamps: readonly Uint8Array[]): AlertRecord {
  const fields = ["cutoutScience", "cutoutTemplate", "cutoutDifference"];
  const cutouts = stamps.map((data, n) => ({
    field: fields[n] ?? "",
    data,
    fileName: `candid_pid${n}_targ.fits.gz`,
  }));
  return { ...alert, cutouts };
}

let api: TestApi;
beforeAll(async () => {
  const packed = gzipSync(FITS);
  api = await openTestApi({
    alerts: [
      withCutouts(ztfAlert(CANDID, "ZTF20aahgyet"), packed, packed, packed),
      withCutouts(ztfAlert(2n, "ZTF19private", { programid: 3 }), packed, packed, packed),
      withCutouts(
        ztfAlert(3n, "ZTF18bad"),
        packed.subarray(0, 40),
        BLANK,
        new TextEncoder().encode("no image"),
      ),
      { ...ztfAlert(4n, "ZTF18none"), cutouts: [] },
    ],
  });
});
afterAll(() => api.close());

async function bytes(path: string, headers: Record<string, string> = {}) {
  const token = api.tokens.get("ada") ?? "";
  return fetch(`${api.url}/api/cutouts/${path}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
}

describe("a picture", () => {
  test("is a PNG of 168 pixels that a cache may keep", async () => {
    const answer = await bytes(`ztf/${CANDID}/science/png`);
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(answer.headers.get("cache-control")).toContain("private");
    const png = Buffer.from(await answer.arrayBuffer());
    expect(PNG.sync.read(png)).toMatchObject({ width: 168, height: 168 });
    const etag = answer.headers.get("etag") ?? "";
    const again = await bytes(`ztf/${CANDID}/science/png`, { "if-none-match": etag });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe("");
    const other = await bytes(`ztf/${CANDID}/science/png?stretch=linear`, { "if-none-match": etag });
    expect(other.status).toBe(200);
  });

  test("has the size, colours and scaling that are asked for", async () => {
    const answer = await bytes(
      `ZTF/${CANDID}/Difference/PNG?size=20&cmap=gray&interval=min_max&stretch=linear`,
    );
    const { width, height, data } = PNG.sync.read(Buffer.from(await answer.arrayBuffer()));
    expect([width, height]).toEqual([20, 20]);
    expect([...data.subarray(0, 3)]).toEqual([0, 0, 0]);
    expect([...data.subarray(-4, -1)]).toEqual([255, 255, 255]);
  });

  test("of all three is a strip", async () => {
    const answer = await bytes(`ztf/${CANDID}/triplet/png?size=50`);
    expect(PNG.sync.read(Buffer.from(await answer.arrayBuffer()))).toMatchObject({ width: 158, height: 50 });
  });

  test("as FITS is the packet's file, unpacked, under its name", async () => {
    const answer = await bytes(`ztf/${CANDID}/template/fits`);
    expect(answer.headers.get("content-type")).toBe("image/fits");
    expect(answer.headers.get("content-disposition")).toBe('attachment; filename="candid_pid1_targ.fits"');
    expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.from(FITS))).toBe(true);
    const plain = await bytes("ztf/3/template/fits");
    expect(Buffer.from(await plain.arrayBuffer()).equals(Buffer.from(BLANK))).toBe(true);
  });
});

describe("what is refused", () => {
  const at = (path: string) => `GET /api/cutouts/${path}`;
  scenarios(
    () => api,
    [
      { name: "without a token", as: "nobody", ask: at(`ztf/${CANDID}/science/png`), status: 401 },
      { name: "no survey", ask: at("sdss/1/science/png"), status: 400, has: ["survey sdss"] },
      { name: "no candid", ask: at("ztf/x/science/png"), status: 400, has: ["candid x"] },
      {
        name: "no cutout",
        ask: at("ztf/3/scince/png"),
        status: 400,
        has: ["cutout scince: expected one of science, template, difference, triplet"],
      },
      { name: "no format", ask: at("ztf/3/science/jpg"), status: 400, has: ["format jpg"] },
      { name: "a triplet as FITS", ask: at(`ztf/${CANDID}/triplet/fits`), status: 400, has: ["three files"] },
      {
        name: "interval",
        ask: at(`ztf/${CANDID}/science/png?interval=max`),
        status: 400,
        has: ["interval max: expected one of asymmetric_percentile, min_max, zscale"],
      },
      { name: "stretch", ask: at(`ztf/${CANDID}/science/png?stretch=x`), status: 400, has: ["stretch x"] },
      { name: "colours", ask: at(`ztf/${CANDID}/science/png?cmap=jet`), status: 400, has: ["cmap jet"] },
      { name: "size", ask: at(`ztf/${CANDID}/science/png?size=100000`), status: 400, has: ["16 to 1024"] },
      { name: "not stored", ask: at("ztf/77/science/png"), status: 404, has: ["ZTF alert 77 not found"] },
      {
        name: "hidden",
        as: "bea",
        ask: at("ztf/2/science/png"),
        status: 404,
        has: ["ZTF alert 2 not found"],
      },
      { name: "without cutouts", ask: at("ztf/4/triplet/png"), status: 404, has: ["no science, template"] },
      {
        name: "damaged",
        ask: at("ztf/3/science/png"),
        status: 404,
        has: ["the science cutout cannot be drawn: the stamp cannot be unpacked"],
      },
      { name: "damaged, as FITS", ask: at("ztf/3/science/fits"), status: 404, has: ["damaged"] },
      { name: "blank", ask: at("ztf/3/template/png"), status: 404, has: ["blank"] },
      { name: "no image", ask: at("ztf/3/difference/png"), status: 404, has: ["no FITS"] },
    ],
  );
});
