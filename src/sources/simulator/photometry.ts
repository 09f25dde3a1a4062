/** What an exposure measures at a source: flux of the difference image, its noise, and what follows. */
import type { Exposure } from "./exposures.ts";
import { hash, Random } from "./random.ts";

/** Signal to noise from which on a source makes an alert. */
const DETECTION_SNR = 5;
/** Electrons per DN, for the photon noise of bright sources, and the calibration's floor. */
const GAIN = 6.2;
const FLOOR = 0.015;
const MAGNITUDE_PER_RELATIVE_FLUX = 1.0857;

export interface Measurement {
  /** Flux of the difference image, DN; negative where the source is fainter than in the reference image. */
  readonly flux: number;
  /** One sigma, DN. */
  readonly sigma: number;
  readonly snr: number;
  readonly detected: boolean;
}

const noise = new Random(0);

/**
 * Measures a source whose difference flux is `trueFlux` (in units of magnitude 0) in an exposure. The same
 * source in the same exposure gives the same value, however often it is asked for. What is not there is not
 * detected, however large the noise.
 */
export function measure(exposure: Exposure, key: number, trueFlux: number): Measurement {
  const scale = 10 ** (0.4 * exposure.zeroPoint);
  const signal = trueFlux * scale;
  const sky = 10 ** (-0.4 * (exposure.limit - exposure.zeroPoint)) / DETECTION_SNR;
  const sigma = Math.sqrt(sky * sky + Math.abs(signal) / GAIN + (FLOOR * signal) ** 2);
  const flux = signal + sigma * noise.restart(hash(exposure.key, 30, key)).normal();
  const snr = Math.abs(flux) / sigma;
  return { flux, sigma, snr, detected: trueFlux !== 0 && snr >= DETECTION_SNR };
}

/** Magnitude of a measurement's flux, whichever its sign, and its error. */
export function magnitudeOf(
  exposure: Exposure,
  { flux, snr }: Measurement,
): { magnitude: number; error: number } {
  return {
    magnitude: exposure.zeroPoint - 2.5 * Math.log10(Math.abs(flux)),
    error: MAGNITUDE_PER_RELATIVE_FLUX / snr,
  };
}
