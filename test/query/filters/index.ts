/** A dozen filters of the kinds that transient surveys run, for tests and benchmarks. */
import { activeGalaxies } from "./active-galaxies.ts";
import { brightNearGalaxies } from "./bright-near-galaxies.ts";
import { cataclysmicVariables } from "./cataclysmic-variables.ts";
import { blueTransients } from "./colours.ts";
import { fastRisers } from "./fast-risers.ts";
import type { SurveyFilter } from "./filter.ts";
import { forcedPhotometryRises } from "./forced-photometry-rises.ts";
import { historyPasses } from "./history-passes.ts";
import { infantSupernovae } from "./infant-supernovae.ts";
import { notMoving } from "./moving-objects.ts";
import { nuclearFlares } from "./nuclear-flares.ts";
import { offNuclear } from "./off-nuclear.ts";
import { stellarFlares } from "./stellar-flares.ts";

export type { SurveyFilter } from "./filter.ts";

export const surveyFilters: readonly SurveyFilter[] = [
  activeGalaxies,
  blueTransients,
  brightNearGalaxies,
  cataclysmicVariables,
  fastRisers,
  forcedPhotometryRises,
  historyPasses,
  infantSupernovae,
  notMoving,
  nuclearFlares,
  offNuclear,
  stellarFlares,
];
