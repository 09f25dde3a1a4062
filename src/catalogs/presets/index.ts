/** Well-known catalogues. Adding one is a file in this folder and a line in the list below. */
import type { CatalogSpec } from "../spec.ts";
import type { Preset } from "./preset.ts";
import { vlass } from "./vlass.ts";

export type { Preset } from "./preset.ts";

export const PRESETS: readonly Preset[] = [vlass];

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
