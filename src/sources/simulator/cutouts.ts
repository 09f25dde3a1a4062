/**
 * Image stamps: 63 by 63 pixels, gzipped FITS, of the science, reference and difference image. Skies with
 * their noise and field stars are made and compressed once; a stamp takes the rows above and below its
 * source from one of them and only draws the rows between.
 */
import { crc32 } from "node:zlib";
import { deflatePart, GZIP_HEADER, gzipTrailer, storedLength, writeStored } from "./gzip.ts";
import { hash, Random } from "./random.ts";

/** Pixels along a side, and what FITS makes of them: blocks of 2,880 bytes, big-endian 32-bit floats. */
const SIDE = 63;
const BLOCK = 2880;
const PIXEL_BYTES = 4;
const DATA_BYTES = SIDE * SIDE * PIXEL_BYTES;
const FILE_BYTES = BLOCK + Math.ceil(DATA_BYTES / BLOCK) * BLOCK;
/** The source is drawn within this many pixels of the centre. */
const REACH = 10;
const CENTRE = 31;
const FIRST_ROW = CENTRE - REACH;
const ROWS = 2 * REACH + 1;
const MIDDLE_START = BLOCK + FIRST_ROW * SIDE * PIXEL_BYTES;
const MIDDLE_END = MIDDLE_START + ROWS * SIDE * PIXEL_BYTES;

const SKIES = 24;
const FIELD_STARS = 5;
const SKY_LEVEL = 150;
const SCIENCE_NOISE = 6;
const TEMPLATE_NOISE = 1.6;
const SIGMA_PER_FWHM = 1 / 2.355;

/** A blob of light: total flux in DN, offset from the stamp's centre and width in pixels. */
export interface Blob {
  readonly flux: number;
  readonly dx: number;
  readonly dy: number;
  readonly fwhm: number;
}

export interface Stamps {
  readonly science: Uint8Array;
  readonly template: Uint8Array;
  readonly difference: Uint8Array;
}

/** One image of a prepared sky. */
interface Image {
  /** Pixel values of the rows that sources are drawn on. */
  readonly middle: Float32Array;
  /** Compressed header and rows above, and the checksum so far. */
  readonly top: Uint8Array;
  readonly topCrc: number;
  /** Rows below and the padding of the last block, plain and compressed. */
  readonly bottom: Uint8Array;
  readonly bottomPart: Uint8Array;
}

interface Sky {
  readonly science: Image;
  readonly template: Image;
  readonly difference: Image;
}

export class StampMaker {
  readonly #skies: readonly Sky[];
  readonly #pixels = new Float32Array(ROWS * SIDE);
  readonly #bytes = new Uint8Array(ROWS * SIDE * PIXEL_BYTES);
  readonly #words = new Uint32Array(this.#pixels.buffer);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(seed: number) {
    this.#skies = Array.from({ length: SKIES }, (_, index) => makeSky(hash(seed, 50, index)));
  }

  /**
   * The stamps of an alert, on the sky that `key` chooses: `steady` is on the science and the reference
   * image, `changed` is what the difference image shows (and what is new, or missing, on the science image).
   */
  make(key: number, steady: readonly Blob[], changed: readonly Blob[], isPositive: boolean): Stamps {
    const sky = this.#skies[key % SKIES];
    if (sky === undefined) throw new RangeError("no such sky");
    const sign = isPositive ? 1 : -1;
    const science = changed.map((blob) => ({ ...blob, flux: sign * blob.flux }));
    return {
      science: this.#draw(sky.science, [...steady, ...science]),
      template: this.#draw(sky.template, steady),
      difference: this.#draw(sky.difference, changed),
    };
  }

  #draw(image: Image, blobs: readonly Blob[]): Uint8Array {
    const pixels = this.#pixels;
    pixels.set(image.middle);
    for (const blob of blobs) addBlob(pixels, blob);
    for (let i = 0; i < pixels.length; i++) this.#view.setUint32(i * PIXEL_BYTES, this.#words[i] ?? 0, false);
    const { top, bottomPart } = image;
    const crc = crc32(image.bottom, crc32(this.#bytes, image.topCrc));
    const trailer = gzipTrailer(crc, FILE_BYTES);
    const file = new Uint8Array(
      GZIP_HEADER.length + top.length + storedLength(this.#bytes.length) + bottomPart.length + trailer.length,
    );
    file.set(GZIP_HEADER);
    file.set(top, GZIP_HEADER.length);
    const end = writeStored(this.#bytes, file, GZIP_HEADER.length + top.length);
    file.set(bottomPart, end);
    file.set(trailer, end + bottomPart.length);
    return file;
  }
}

/** Adds a round Gaussian to the drawn rows. */
function addBlob(pixels: Float32Array, { flux, dx, dy, fwhm }: Blob): void {
  const sigma = fwhm * SIGMA_PER_FWHM;
  const peak = flux / (2 * Math.PI * sigma * sigma);
  for (let row = 0; row < ROWS; row++) {
    const y = row - REACH - dy;
    const ofRow = peak * Math.exp((-0.5 * y * y) / (sigma * sigma));
    if (Math.abs(ofRow) < 0.01) continue;
    for (let column = CENTRE - REACH; column <= CENTRE + REACH; column++) {
      const x = column - CENTRE - dx;
      const at = row * SIDE + column;
      pixels[at] = (pixels[at] ?? 0) + ofRow * Math.exp((-0.5 * x * x) / (sigma * sigma));
    }
  }
}

function makeSky(seed: number): Sky {
  const random = new Random(seed);
  const stars = Array.from({ length: FIELD_STARS }, () => ({
    x: random.between(0, SIDE),
    y: random.between(0, SIDE),
    peak: 10 ** random.between(1, 3.2),
    sigma: 0.9,
  }));
  const template = new Float32Array(SIDE * SIDE);
  const science = new Float32Array(SIDE * SIDE);
  const difference = new Float32Array(SIDE * SIDE);
  for (let i = 0; i < template.length; i++) {
    const x = i % SIDE;
    const y = Math.floor(i / SIDE);
    let light = SKY_LEVEL;
    for (const star of stars) {
      light += star.peak * Math.exp(-0.5 * (((x - star.x) ** 2 + (y - star.y) ** 2) / star.sigma ** 2));
    }
    template[i] = light + random.normal(0, TEMPLATE_NOISE);
    science[i] = light + random.normal(0, SCIENCE_NOISE);
    difference[i] = (science[i] ?? 0) - (template[i] ?? 0);
  }
  return { science: prepare(science), template: prepare(template), difference: prepare(difference) };
}

function prepare(pixels: Float32Array): Image {
  const file = fitsFile(pixels);
  const top = file.subarray(0, MIDDLE_START);
  const bottom = file.slice(MIDDLE_END);
  return {
    middle: pixels.slice(FIRST_ROW * SIDE, (FIRST_ROW + ROWS) * SIDE),
    top: deflatePart(top, 6),
    topCrc: crc32(top),
    bottom,
    bottomPart: deflatePart(bottom, 6),
  };
}

/** A FITS file of one square image. */
function fitsFile(pixels: Float32Array): Uint8Array {
  const file = new Uint8Array(FILE_BYTES);
  const cards = [
    card("SIMPLE", "T"),
    card("BITPIX", "-32"),
    card("NAXIS", "2"),
    card("NAXIS1", String(SIDE)),
    card("NAXIS2", String(SIDE)),
    "BUNIT   = 'DN      '",
    "END",
  ];
  file.set(
    new TextEncoder().encode(
      cards
        .map((text) => text.padEnd(80))
        .join("")
        .padEnd(BLOCK),
    ),
  );
  const view = new DataView(file.buffer);
  pixels.forEach((value, i) => {
    view.setFloat32(BLOCK + i * PIXEL_BYTES, value, false);
  });
  return file;
}

/** A card in fixed format: the value ends in column 30. */
function card(key: string, value: string): string {
  return `${key.padEnd(8)}= ${value.padStart(20)}`;
}
