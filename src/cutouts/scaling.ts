/**
 * From pixel values to brightness: which values are black and white, and how what lies between is spread. The
 * formulas are those of astropy.visualization, so that a picture here is the one that astronomers know.
 */
import { CutoutError } from "./fits.ts";

export const INTERVALS = ["asymmetric_percentile", "min_max", "zscale"] as const;
export const STRETCHES = ["log", "linear", "asinh", "sqrt"] as const;
export type Interval = (typeof INTERVALS)[number];
export type Stretch = (typeof STRETCHES)[number];

/** Values beyond this are marks of missing data. */
const MISSING_BEYOND = 1e20;
/** astropy's LogStretch and AsinhStretch with their default parameters. */
const LOG_STEEPNESS = 1000;
const ASINH_KNEE = 0.1;

const STRETCH: Readonly<Record<Stretch, (share: number) => number>> = {
  linear: (share) => share,
  log: (share) => Math.log(LOG_STEEPNESS * share + 1) / Math.log(LOG_STEEPNESS + 1),
  asinh: (share) => Math.asinh(share / ASINH_KNEE) / Math.asinh(1 / ASINH_KNEE),
  sqrt: Math.sqrt,
};

type Limits = readonly [black: number, white: number];

const LIMITS: Readonly<Record<Interval, (values: Float64Array) => Limits>> = {
  min_max: (values) => extremes(values),
  // From the darkest hundredth to the brightest pixel: the sky stays dark, the source is not cut.
  asymmetric_percentile: (values) => {
    const sorted = values.toSorted();
    return [percentile(sorted, 0.01), sorted.at(-1) ?? 1];
  },
  zscale,
};

/**
 * Brightness from 0 (black) to 1 (white) of each pixel: values are stretched between the least and the greatest,
 * and the limits of the interval are taken of what comes out. Missing pixels (not finite, or beyond 1e20) look
 * like the mean of the others. Throws `CutoutError` where all are missing.
 */
export function brightnessOf(pixels: Float64Array, interval: Interval, stretch: Stretch): Float64Array {
  const good = pixels.filter(isKnown);
  if (good.length === 0) throw new CutoutError("the stamp is blank: it has no pixel with a value");
  let sum = 0;
  for (const value of good) sum += value;
  const mean = sum / good.length;
  const [least, greatest] = extremes(good);
  const bend = STRETCH[stretch];
  const range = greatest - least;
  const stretched = pixels.map((value) =>
    range > 0 ? bend(((isKnown(value) ? value : mean) - least) / range) : 0,
  );
  const [black, white] = LIMITS[interval](stretched);
  if (!(white > black)) return stretched.fill(0);
  return stretched.map((value) => Math.min(1, Math.max(0, (value - black) / (white - black))));
}

const isKnown = (value: number) => Math.abs(value) <= MISSING_BEYOND;

function extremes(values: Float64Array): Limits {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < least) least = value;
    if (value > greatest) greatest = value;
  }
  return [least, greatest];
}

/** Linear between the neighbours. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? below;
  return below + (above - below) * (at - Math.floor(at));
}

/** Parameters of the zscale limits. */
const ZSCALE = {
  samples: 600,
  contrast: 0.045,
  /** Samples further than so many sigmas from the line are rejected. */
  rejectSigmas: 2.5,
  /** Not more than this share is rejected, nor are fewer than this kept. */
  mostRejected: 0.5,
  leastKept: 5,
  iterations: 5,
  /** With a rejected sample this share of its neighbours goes. */
  grow: 0.01,
} as const;

/**
 * IRAF's zscale: a line is fitted to the sorted samples, outliers rejected, and the limits lie around the median
 * where the line, made steeper by 1/contrast, meets black and white.
 */
function zscale(values: Float64Array): Limits {
  const stride = Math.max(1, Math.floor(values.length / ZSCALE.samples));
  const samples = values
    .filter((_, index) => index % stride === 0)
    .slice(0, ZSCALE.samples)
    .sort();
  const count = samples.length;
  const limits = [samples[0] ?? 0, samples.at(-1) ?? 0] as const;
  const least = Math.max(ZSCALE.leastKept, Math.floor(count * ZSCALE.mostRejected));
  const grow = Math.max(1, Math.floor(count * ZSCALE.grow));
  let rejected = new Uint8Array(count);
  let slope = 0;
  let kept = count;
  let keptBefore = count + 1;
  for (let round = 0; round < ZSCALE.iterations && kept < keptBefore && kept >= least; round++) {
    const line = fitLine(samples, rejected);
    slope = line.slope;
    const residuals = samples.map((value, x) => value - (line.offset + line.slope * x));
    const limit = ZSCALE.rejectSigmas * deviation(residuals, rejected);
    rejected = grown(
      rejected.map((was, x) => (was === 1 || Math.abs(residuals[x] ?? 0) > limit ? 1 : 0)),
      grow,
    );
    keptBefore = kept;
    kept = rejected.reduce((sum, gone) => sum + 1 - gone, 0);
  }
  if (kept < least) return limits;
  const center = Math.floor((count - 1) / 2);
  const median = percentile(samples, 0.5);
  const steep = slope / ZSCALE.contrast;
  return [
    Math.max(limits[0], median - (center - 1) * steep),
    Math.min(limits[1], median + (count - center) * steep),
  ];
}

/** Least squares over the samples that are not rejected. */
function fitLine(samples: Float64Array, rejected: Uint8Array): { slope: number; offset: number } {
  let [n, x1, y1, xx, xy] = [0, 0, 0, 0, 0];
  samples.forEach((y, x) => {
    if (rejected[x] === 1) return;
    n++;
    x1 += x;
    y1 += y;
    xx += x * x;
    xy += x * y;
  });
  const slope = n > 1 ? (n * xy - x1 * y1) / (n * xx - x1 * x1) : 0;
  return { slope, offset: (y1 - slope * x1) / n };
}

function deviation(values: Float64Array, rejected: Uint8Array): number {
  const kept = values.filter((_, x) => rejected[x] !== 1);
  const mean = kept.reduce((sum, value) => sum + value, 0) / kept.length;
  return Math.sqrt(kept.reduce((sum, value) => sum + (value - mean) ** 2, 0) / kept.length);
}

/** Marks with a width: what a convolution with `width` ones, centred, would mark. */
function grown(marks: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const after = Math.floor(width / 2);
  const before = width - 1 - after;
  const out = new Uint8Array(marks.length);
  marks.forEach((mark, x) => {
    if (mark === 1) out.fill(1, Math.max(0, x - before), x + after + 1);
  });
  return out;
}
