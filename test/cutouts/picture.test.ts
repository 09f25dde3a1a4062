/** Pictures of stamps: of real ones, of ones made by hand, and what becomes of those that are none. */
import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { PNG } from "pngjs";
import { decodeContainer } from "../../src/avro/index.ts";
import {
  COLOR_MAPS,
  CutoutError,
  Drawing,
  drawStamps,
  INTERVALS,
  type PictureOptions,
  type PictureStamp,
  readStamp,
  STRETCHES,
  unpackStamp,
} from "../../src/cutouts/index.ts";
import type { Document } from "../../src/query/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { pythonWith } from "../support/python.ts";
import { randomNumbers } from "../support/random.ts";
import { skipOrFail } from "../support/services.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { fitsOf } from "./stamps.ts";

const RAMP = Array.from({ length: 16 }, (_, n) => n);
const SIZE = 168;
const DEFAULTS = { cmap: "bone", size: SIZE, firstRow: "top" } as const;

type Style = Partial<PictureOptions> & Partial<Omit<PictureStamp, "data">>;

function draw(data: Uint8Array, style: Style = {}): Uint8Array {
  const { interval = "asymmetric_percentile", stretch = "linear", ...options } = style;
  return drawStamps([{ data, interval, stretch }], { ...DEFAULTS, ...options });
}

/** Brightness of a picture's pixel, the sum of its colours. */
function brightness(png: Uint8Array, x: number, y: number): number {
  const { data, width } = PNG.sync.read(Buffer.from(png));
  const at = (y * width + x) * 4;
  return Number(data[at]) + Number(data[at + 1]) + Number(data[at + 2]);
}

describe("a picture", () => {
  test("shows what is in the stamp, its first row on top", () => {
    const png = draw(gzipSync(fitsOf(4, 4, RAMP)));
    expect(PNG.sync.read(Buffer.from(png))).toMatchObject({ width: SIZE, height: SIZE });
    expect(brightness(png, 0, 0)).toBeLessThan(20);
    expect(brightness(png, 167, 167)).toBe(765);
    expect(brightness(png, 160, 84)).toBeGreaterThan(brightness(png, 8, 84));
    expect(brightness(png, 84, 160)).toBeGreaterThan(brightness(png, 84, 8));
  });

  test("or at the bottom, where the survey's stamps begin in the south", () => {
    const odd = Array.from({ length: 15 }, (_, n) => n);
    const options = { size: 16, firstRow: "bottom", interval: "min_max" } as const;
    const png = draw(fitsOf(3, 5, odd), { ...options, size: 3 + 13 });
    const { width, height } = PNG.sync.read(Buffer.from(png));
    expect([width, height]).toEqual([16, 27]);
    expect(brightness(png, 0, height - 1)).toBe(0);
    expect(brightness(png, width - 1, 0)).toBe(765);
  });

  test("log lifts what is faint", () => {
    const stamp = fitsOf(4, 4, RAMP);
    expect(brightness(draw(stamp, { stretch: "log" }), 63, 21)).toBeGreaterThan(
      brightness(draw(stamp), 63, 21),
    );
  });

  test("missing pixels look like the mean", () => {
    const holes = RAMP.map((n) => (n === 0 ? Number.NaN : n === 3 ? 1e30 : n));
    const png = draw(fitsOf(4, 4, holes));
    expect(brightness(png, 0, 0)).toBeGreaterThan(brightness(png, 63, 0));
  });

  test("of a constant stamp is black, not a crash", () => {
    const constant = fitsOf(
      4,
      4,
      RAMP.map(() => 5),
    );
    for (const interval of INTERVALS) {
      expect(brightness(draw(constant, { interval, stretch: "log" }), 84, 84)).toBe(0);
    }
  });

  test("has black and white ends in every colour map, and rises between", () => {
    const stamp = fitsOf(4, 4, RAMP);
    for (const cmap of COLOR_MAPS) {
      const png = draw(stamp, { cmap, size: 4 });
      const row = [0, 1, 2, 3].map((x) => brightness(png, x, x));
      expect(row).toEqual(row.toSorted((a, b) => a - b));
    }
  });

  test("of three stamps is a strip", () => {
    const stamps = [0, 1, 2].map((n) => ({
      data: fitsOf(
        4,
        4,
        RAMP.map((value) => (value === n * 5 ? 100 : value / 100)),
      ),
      interval: "min_max" as const,
      stretch: "linear" as const,
    }));
    const png = drawStamps(stamps, { ...DEFAULTS, size: 16 });
    const { width, height } = PNG.sync.read(Buffer.from(png));
    expect([width, height]).toEqual([3 * 16 + 2 * 4, 16]);
    expect(brightness(png, 17, 3)).toBe(0);
    for (const n of [0, 1, 2]) {
      const at = 4 * n + 1;
      expect(brightness(png, n * 20 + at, at)).toBeGreaterThan(400);
    }
  });

  test("of a stamp that is none says why", () => {
    const good = fitsOf(4, 4, RAMP);
    const blank = fitsOf(
      4,
      4,
      RAMP.map(() => Number.NaN),
    );
    for (const [stamp, word] of [
      [new Uint8Array(0), "no FITS"],
      [new TextEncoder().encode("hello".repeat(100)), "no FITS"],
      [gzipSync(good).subarray(0, 60), "unpacked"],
      [good.subarray(0, 2890), "truncated"],
      [blank, "blank"],
    ] as const) {
      expect(() => draw(stamp)).toThrow(CutoutError);
      expect(() => draw(stamp)).toThrow(word);
    }
  });
});

describe("the drawing thread", () => {
  const drawing = new Drawing();
  afterAll(() => drawing.close());
  const stamp = (data: Uint8Array): PictureStamp => ({ data, interval: "min_max", stretch: "linear" });

  test("draws the same, many at once, and goes on after a bad stamp", async () => {
    const data = fitsOf(4, 4, RAMP);
    const bad = drawing.draw([stamp(data.subarray(0, 100))], DEFAULTS);
    const good = Array.from({ length: 20 }, () => drawing.draw([stamp(data)], DEFAULTS));
    await expect(bad).rejects.toBeInstanceOf(CutoutError);
    for (const png of await Promise.all(good)) expect(png).toEqual(draw(data, { interval: "min_max" }));
  });
});

/** Stamps of the real packets by a name of their own. */
function realStamps(): [name: string, data: Uint8Array][] {
  if (sharedDir() === undefined) return [];
  const folder = sharedPath("data", "ztf", "20231012");
  return readdirSync(folder)
    .filter((name) => name.endsWith(".avro"))
    .slice(0, 8)
    .flatMap((name) => {
      const [packet] = decodeContainer(readFileSync(join(folder, name)));
      return ["cutoutScience", "cutoutTemplate", "cutoutDifference"].map((field): [string, Uint8Array] => [
        `${name}-${field}`,
        ((packet as Document)[field] as Document)["stampData"] as Uint8Array,
      ]);
    });
}

const SCRIPT = `
import json, pathlib, sys
import numpy as np
from astropy.io import fits
from astropy.visualization import *
stretches = {"linear": LinearStretch(), "log": LogStretch(), "asinh": AsinhStretch(), "sqrt": SqrtStretch()}
intervals = {"min_max": MinMaxInterval(), "asymmetric_percentile": AsymmetricPercentileInterval(1, 100),
             "zscale": ZScaleInterval(n_samples=600, contrast=0.045, krej=2.5)}
out = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.fits")):
    data = fits.getdata(path, ignore_missing_simple=True).astype(float)
    good = np.isfinite(data) & (np.abs(data) <= 1e20)
    data[~good] = data[good].mean()
    share = (data - data.min()) / (data.max() - data.min())
    for stretch, bend in stretches.items():
        stretched = bend(share)
        for interval, limits in intervals.items():
            black, white = limits.get_limits(stretched)
            shade = np.clip(np.floor((stretched - black) / (white - black) * 256), 0, 255)
            out[f"{path.stem}/{stretch}/{interval}"] = shade.astype(int).ravel().tolist()
print(json.dumps(out))
`;

const python = await pythonWith("astropy", ["numpy==2.3.5", "astropy==7.1.0"]);
const noPython = skipOrFail("a Python with astropy", typeof python === "string", String(python));

describe.skipIf(noPython)("beside astropy", () => {
  test("every stretch and interval gives the same shades, and astropy opens the files", () => {
    using folder = temporaryFolder();
    const random = randomNumbers(7);
    const noisy = Array.from({ length: 63 * 63 }, (_, n) => {
      const radius = Math.hypot((n % 63) - 31, Math.floor(n / 63) - 31);
      return n % 97 === 0 ? Number.NaN : 100 + 20 * random() + 5000 * Math.exp(-((radius / 3) ** 2));
    });
    const stamps = new Map([...realStamps(), ["made", fitsOf(63, 63, noisy)]]);
    for (const [name, data] of stamps) writeFileSync(join(folder.path, `${name}.fits`), unpackStamp(data));
    const found = Bun.spawnSync([String(python), "-c", SCRIPT, folder.path]);
    expect(found.stderr.toString()).toBe("");
    const expected = JSON.parse(found.stdout.toString()) as Record<string, number[]>;
    expect(Object.keys(expected)).toHaveLength(stamps.size * STRETCHES.length * INTERVALS.length);
    for (const [name, data] of stamps) {
      const { width } = readStamp(data);
      for (const stretch of STRETCHES) {
        for (const interval of INTERVALS) {
          const drawn = PNG.sync.read(
            Buffer.from(draw(data, { stretch, interval, cmap: "gray", size: width })),
          );
          const shades = expected[`${name}/${stretch}/${interval}`] ?? [];
          const worst = Math.max(...shades.map((shade, n) => Math.abs(shade - (drawn.data[n * 4] ?? 999))));
          expect(`${name} ${stretch} ${interval} ${worst <= 1}`).toBe(`${name} ${stretch} ${interval} true`);
        }
      }
    }
  });
});
