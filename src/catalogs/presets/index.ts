/** Well-known catalogues. Adding one is a file in this folder and a line in the list below. */
import type { CatalogSpec } from "../spec.ts";
import { gaiaEdr3 } from "./gaia-edr3.ts";
import { igaps } from "./igaps.ts";
import type { Preset } from "./preset.ts";
import { ps1Strm } from "./ps1-strm.ts";
import { vlass } from "./vlass.ts";
import { ztfPublic } from "./ztf-public.ts";

export type { Preset } from "./preset.ts";

export const PRESETS: readonly Preset[] = [gaiaEdr3, ps1Strm, igaps, vlass, ztfPublic];

/** The preset of this name; undefined when there is none. */
export function presetNamed(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name);
}

/** What was given, completed by the preset that it names and by what is usual. */
export function completeSpec(given: Partial<CatalogSpec>): CatalogSpec | undefined {
  const preset = given.preset === undefined ? undefined : presetNamed(given.preset);
  const { name, ...spec } = { raUnit: "auto", decUnit: "auto", ...preset?.spec, ...given } as const;
  return name === undefined ? undefined : { ...spec, name };
}
