/** Colour maps: 256 shades of red, green and blue each. */
import {
  interpolateCividis,
  interpolateInferno,
  interpolateMagma,
  interpolatePlasma,
  interpolateViridis,
} from "d3-scale-chromatic";

export const COLOR_MAPS = ["bone", "gray", "viridis", "magma", "inferno", "plasma", "cividis"] as const;
export type ColorMap = (typeof COLOR_MAPS)[number];

export const SHADES = 256;

type Color = readonly [red: number, green: number, blue: number];

const MAPS: Readonly<Record<ColorMap, (share: number) => Color>> = {
  bone: (share) => [0, 1, 2].map((channel) => 255 * between(BONE[channel] ?? [], share)) as unknown as Color,
  gray: (share) => [255 * share, 255 * share, 255 * share],
  viridis: (share) => parsed(interpolateViridis(share)),
  magma: (share) => parsed(interpolateMagma(share)),
  inferno: (share) => parsed(interpolateInferno(share)),
  plasma: (share) => parsed(interpolatePlasma(share)),
  cividis: (share) => parsed(interpolateCividis(share)),
};

const made = new Map<ColorMap, Uint8Array>();

/** Red, green and blue of the 256 shades, behind each other. */
export function shadesOf(map: ColorMap): Uint8Array {
  const known = made.get(map);
  if (known !== undefined) return known;
  const shades = new Uint8Array(SHADES * 3);
  for (let shade = 0; shade < SHADES; shade++) {
    shades.set(MAPS[map](shade / (SHADES - 1)).map(Math.round), shade * 3);
  }
  made.set(map, shades);
  return shades;
}

/** `#rrggbb` or `rgb(r, g, b)`. */
function parsed(text: string): Color {
  const hex = /^#(..)(..)(..)$/.exec(text);
  const parts =
    hex === null ? (text.match(/\d+/g) ?? []).map(Number) : hex.slice(1).map((two) => Number(`0x${two}`));
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0];
}

/** "bone": grey with a blue tinge, by the corners of each channel. */
const BONE: readonly (readonly (readonly [at: number, value: number])[])[] = [
  [
    [0, 0],
    [0.746032, 0.652778],
    [1, 1],
  ],
  [
    [0, 0],
    [0.365079, 0.319444],
    [0.746032, 0.777778],
    [1, 1],
  ],
  [
    [0, 0],
    [0.365079, 0.444444],
    [1, 1],
  ],
];

function between(corners: readonly (readonly [number, number])[], at: number): number {
  for (let i = 1; i < corners.length; i++) {
    const [x0, y0] = corners[i - 1] ?? [0, 0];
    const [x1, y1] = corners[i] ?? [1, 1];
    if (at <= x1) return y0 + ((y1 - y0) * (at - x0)) / (x1 - x0);
  }
  return 1;
}
