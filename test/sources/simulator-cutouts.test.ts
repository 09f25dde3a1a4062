/** Image stamps of simulated packets, opened with another FITS reader. */
import { describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { astro, type Fits } from "fitsjs";
import { type Document, isDocument } from "../../src/query/index.ts";
import { simulateRecords } from "../../src/sources/simulator/index.ts";

// The reader is made for browsers: it finds itself and a reader of files among the globals.

class BrowserFileReader {
  onloadend?: (event: { target: { result: ArrayBuffer } }) => void;

  readAsArrayBuffer(blob: Blob): void {
    void blob.arrayBuffer().then((result) => this.onloadend?.({ target: { result } }));
  }
}

Reflect.set(globalThis, "astro", astro);
Reflect.set(globalThis, "FileReader", BrowserFileReader);

interface Image {
  readonly card: (name: string) => unknown;
  readonly width: number;
  readonly height: number;
  /** From the lowest row up. */
  readonly pixels: Float32Array;
}

async function openImage(gzipped: Uint8Array): Promise<Image> {
  const file = gunzipSync(gzipped);
  // FITS files are whole blocks.
  expect(file.length % 2880).toBe(0);
  const fits = await new Promise<Fits>((resolve) => {
    new astro.FITS(new Blob([file]), resolve);
  });
  const { header, data } = fits.getHDU();
  const content = await data.blob.arrayBuffer();
  const pixels = data._getFrame(content, data.bitpix, data.bzero, data.bscale);
  return { card: (name) => header.get(name), width: data.width, height: data.height, pixels };
}

function stampOf(record: Document, field: string): { data: Uint8Array; name: string } {
  const stamp = record[field];
  const data = isDocument(stamp) ? stamp["stampData"] : undefined;
  const name = isDocument(stamp) ? stamp["fileName"] : undefined;
  if (!(data instanceof Uint8Array) || typeof name !== "string") throw new Error(`no ${field}`);
  return { data, name };
}

const CENTRE = 31 * 63 + 31;

/** Light within two pixels of the centre, less the median of the image. */
function centralLight({ pixels }: Image): number {
  const median = [...pixels].sort((a, b) => a - b)[Math.floor(pixels.length / 2)] ?? 0;
  let light = 0;
  for (let row = -2; row <= 2; row++) {
    for (let column = -2; column <= 2; column++) light += (pixels[CENTRE + row * 63 + column] ?? 0) - median;
  }
  return light;
}

describe("image stamps", () => {
  const alerts = [...simulateRecords({ alerts: 80, seed: 11 })];

  test("open with another reader: 63 by 63 pixels of 32-bit floats", async () => {
    for (const { record } of alerts.slice(0, 10)) {
      for (const field of ["cutoutScience", "cutoutTemplate", "cutoutDifference"]) {
        const image = await openImage(stampOf(record, field).data);
        expect([image.width, image.height, image.pixels.length]).toEqual([63, 63, 3969]);
        expect([image.card("BITPIX"), image.card("NAXIS"), image.card("BUNIT")]).toEqual([-32, 2, "DN"]);
        expect(image.pixels.every(Number.isFinite)).toBe(true);
      }
    }
  });

  test("show what changed: difference is science less template, by sign", async () => {
    let faint = 0;
    for (const { record, kind } of alerts) {
      const difference = stampOf(record, "cutoutDifference");
      const [science, template, shown] = await Promise.all(
        [stampOf(record, "cutoutScience"), stampOf(record, "cutoutTemplate"), difference].map(({ data }) =>
          openImage(data),
        ),
      );
      if (science === undefined || template === undefined || shown === undefined) throw new Error("no image");
      const candidate = record["candidate"];
      const isPositive = isDocument(candidate) && candidate["isdiffpos"] === "t";
      expect(difference.name).toContain(isPositive ? "scimref" : "refmsci");
      if (kind === "bogus") continue;
      const light = centralLight(shown);
      if (light < 60) faint++;
      const change = (isPositive ? 1 : -1) * (centralLight(science) - centralLight(template));
      expect(Math.abs(change - light)).toBeLessThan(0.2 * light + 60);
    }
    // Detections have five sigma and more.
    expect(faint).toBeLessThan(5);
  });

  test("are left out when told so", () => {
    const [first] = simulateRecords({ alerts: 1, cutouts: false });
    expect(first?.record["cutoutScience"]).toBeNull();
    expect(first?.record["cutoutTemplate"]).toBeNull();
    expect(first?.record["cutoutDifference"]).toBeNull();
  });
});
