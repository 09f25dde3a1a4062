/** Draws a light curve as SVG: magnitudes upward to the bright, a colour for each filter, limits as triangles. Pure. */
import { extent, ticks } from "d3-array";
import type { LightCurvePoint } from "./light-curve.ts";

const WIDTH = 800;
const HEIGHT = 450;
const FRAME = { left: 60, right: 20, top: 40, bottom: 45 } as const;
const TICKS = 6;
/** Share of the range that is left free at each end. */
const MARGIN = 0.06;
/** An error bar longer than this tells nothing, magnitudes. */
const LONGEST_BAR = 1;

/** Colours by the last letter of a filter's name; others in their order. */
const COLORS: Readonly<Record<string, string>> = {
  u: "#7b3fa0",
  g: "#2a8f3c",
  r: "#c8322b",
  i: "#d98a1f",
  z: "#7a4a2b",
  y: "#555555",
  j: "#1f6fb2",
};
const OTHERS = ["#1f6fb2", "#b2489a", "#4d9f9a", "#8a8a2a", "#444444"];

type Scale = (value: number) => number;

interface Axes {
  readonly x: Scale;
  readonly y: Scale;
  readonly xTicks: readonly number[];
  readonly yTicks: readonly number[];
}

/** An SVG document of 800 × 450, scalable, with the values of each point as its title. */
export function plotSvg(title: string, points: readonly LightCurvePoint[]): string {
  const shown = points.filter((point) => heightOf(point) !== undefined);
  const filters = [...new Set(shown.map(({ filter }) => filter))].sort();
  const colors = new Map(filters.map((filter, n) => [filter, colorOf(filter, n)]));
  const body =
    shown.length === 0
      ? [`<text x="${WIDTH / 2}" y="${HEIGHT / 2}" text-anchor="middle">no photometry</text>`]
      : drawing(shown, colors);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>Light curve of ${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${FRAME.left}" y="24" font-size="15">${escaped(title)}</text>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

/** The magnitude at which a point is drawn; undefined for one without. */
function heightOf({ mag, limmag }: LightCurvePoint): number | undefined {
  const height = mag ?? limmag;
  return height !== null && Number.isFinite(height) ? height : undefined;
}

function drawing(points: readonly LightCurvePoint[], colors: ReadonlyMap<string, string>): string[] {
  const axes = axesOf(points);
  return [
    ...frame(axes),
    ...legend(colors),
    // Limits first, so that they do not hide detections.
    ...points.filter(({ mag }) => mag === null).map((point) => limit(point, axes, colors)),
    ...points.filter(({ mag }) => mag !== null).map((point) => detection(point, axes, colors)),
  ];
}

function axesOf(points: readonly LightCurvePoint[]): Axes {
  const times = widened(
    points.map(({ mjd }) => mjd),
    1,
  );
  const magnitudes = widened(
    points.map((point) => heightOf(point) ?? 0),
    0.5,
  );
  return {
    x: linear(times, [FRAME.left, WIDTH - FRAME.right]),
    // Bright is a small magnitude, and up.
    y: linear(magnitudes, [FRAME.top, HEIGHT - FRAME.bottom]),
    xTicks: ticks(...times, TICKS),
    yTicks: ticks(...magnitudes, TICKS),
  };
}

/** The range of values with some room at its ends; at least `least` wide. */
function widened(values: readonly number[], least: number): [number, number] {
  const [low = 0, high = 0] = extent(values);
  const room = Math.max(MARGIN * (high - low), (least - (high - low)) / 2);
  return [low - room, high + room];
}

function linear([low, high]: readonly [number, number], [from, to]: readonly [number, number]): Scale {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

function frame({ x, y, xTicks, yTicks }: Axes): string[] {
  const [left, right] = [FRAME.left, WIDTH - FRAME.right];
  const [top, bottom] = [FRAME.top, HEIGHT - FRAME.bottom];
  const digits = yTicks.length > 1 && (yTicks[1] ?? 0) - (yTicks[0] ?? 0) < 0.1 ? 2 : 1;
  return [
    `<g stroke="#dddddd">`,
    ...xTicks.map((tick) => `<path d="M${round(x(tick))} ${top}V${bottom}"/>`),
    ...yTicks.map((tick) => `<path d="M${left} ${round(y(tick))}H${right}"/>`),
    "</g>",
    `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="none" stroke="#333333"/>`,
    ...xTicks.map(
      (tick) => `<text x="${round(x(tick))}" y="${bottom + 16}" text-anchor="middle">${plain(tick)}</text>`,
    ),
    ...yTicks.map(
      (tick) =>
        `<text x="${left - 6}" y="${round(y(tick) + 4)}" text-anchor="end">${tick.toFixed(digits)}</text>`,
    ),
    `<text x="${(left + right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">MJD</text>`,
    `<text transform="translate(16 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">magnitude (AB)</text>`,
  ];
}

function legend(colors: ReadonlyMap<string, string>): string[] {
  return [...colors].reverse().flatMap(([filter, color], n) => {
    const at = WIDTH - FRAME.right - 60 * (n + 1);
    return [
      `<circle cx="${at}" cy="20" r="4" fill="${color}"/>`,
      `<text x="${at + 8}" y="24">${escaped(filter)}</text>`,
    ];
  });
}

function detection(point: LightCurvePoint, { x, y }: Axes, colors: ReadonlyMap<string, string>): string {
  const { mjd, filter, mag, magerr, origin } = point;
  const color = colors.get(filter) ?? "#000000";
  const [cx, cy] = [round(x(mjd)), round(y(mag ?? 0))];
  const bar =
    magerr !== null && magerr <= LONGEST_BAR
      ? `<path d="M${cx} ${round(y((mag ?? 0) - magerr))}V${round(y((mag ?? 0) + magerr))}" stroke="${color}"/>`
      : "";
  // Forced photometry is hollow.
  const fill = origin === "forced" ? `fill="#ffffff" stroke="${color}"` : `fill="${color}"`;
  return `<g><title>${tip(point)}</title>${bar}<circle cx="${cx}" cy="${cy}" r="3.5" ${fill}/></g>`;
}

function limit(point: LightCurvePoint, { x, y }: Axes, colors: ReadonlyMap<string, string>): string {
  const color = colors.get(point.filter) ?? "#000000";
  const [cx, cy] = [round(x(point.mjd)), round(y(point.limmag ?? 0))];
  return `<path d="M${cx - 4} ${cy - 3}h8l-4 7z" fill="none" stroke="${color}" opacity="0.6"><title>${tip(point)}</title></path>`;
}

function tip({ mjd, filter, mag, magerr, limmag, origin }: LightCurvePoint): string {
  const error = magerr === null ? "" : ` ± ${magerr.toFixed(3)}`;
  const value = mag === null ? `fainter than ${limmag?.toFixed(3)}` : `${mag.toFixed(3)}${error}`;
  return escaped(`${filter} ${value} at MJD ${mjd.toFixed(5)} (${origin})`);
}

function colorOf(filter: string, n: number): string {
  return COLORS[filter.at(-1)?.toLowerCase() ?? ""] ?? OTHERS[n % OTHERS.length] ?? "#000000";
}

const round = (value: number) => Math.round(value * 10) / 10;
/** Without the noise of binary fractions. */
const plain = (value: number) => String(Number(value.toFixed(6)));

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
