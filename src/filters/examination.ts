/** What a filter must stand before it is saved or switched on: a run on the newest alert, and on the last night. */
import { isDocument } from "../query/index.ts";
import { type FilterDocument, surveyOfCatalog } from "./definition.ts";
import { invalid } from "./errors.ts";
import type { NamedStages } from "./trial.ts";
import type { Trials } from "./trials.ts";

/** Longest time of a pipeline on the newest alert, milliseconds. */
const NEWEST_LIMIT_MS = 3000;
/** Longest look at the last night: longer nights are judged by their beginning. */
const NIGHT_LIMIT_MS = 30_000;

/** How much a filter may select. */
export interface ShareLimits {
  /** Largest share of the alerts of a night. */
  readonly maxShare: number;
  /** As many matches in a night are always fine. */
  readonly minMatches: number;
}

export class Examination {
  constructor(readonly options: ShareLimits & { readonly trials: Trials }) {}

  /**
   * Tries a filter as it would be stored; answers what came of it in words. Throws what a pipeline throws, and
   * `FilterError` with the numbers when it would be on and selects too much, unless that is overridden.
   */
  async examine(
    filter: FilterDocument,
    known: FilterDocument | undefined,
    isOverridden: boolean,
  ): Promise<string> {
    const note = await this.#tryOnNewest(filter);
    if (filter.active && !isOverridden && isSwitchedOn(filter, known)) await this.#tryLastNight(filter);
    return note;
  }

  async #tryOnNewest(filter: FilterDocument): Promise<string> {
    const scope = { ...scopeOf(filter), maxTimeMs: NEWEST_LIMIT_MS };
    const newest = await this.options.trials.newest(pipelinesOf(filter), scope);
    if (newest === undefined) {
      return (
        `WARNING: No documents in ${filter.catalog} collection, cannot properly test pipeline for filter id ` +
        `${filter.filter_id}`
      );
    }
    return `pipeline works: the newest alert, ${newest.candid}, ${newest.passed ? "passes" : "does not pass"}`;
  }

  async #tryLastNight(filter: FilterDocument): Promise<void> {
    const { trials, maxShare, minMatches } = this.options;
    const [stages] = pipelinesOf(filter);
    if (stages === undefined) return;
    const scope = { ...scopeOf(filter), maxTimeMs: NIGHT_LIMIT_MS };
    const { night, seen, passed, complete } = await trials.night(stages, scope);
    if (passed <= Math.max(minMatches, maxShare * seen)) return;
    const percent = (share: number) => `${Number((100 * share).toPrecision(3))} %`;
    throw invalid(
      `filter ${filter.filter_id} selects ${passed} of ${seen} alerts (${percent(passed / seen)}) of the ` +
        `${complete ? "" : "beginning of the "}night ${night}, more than ${percent(maxShare)}: make it more ` +
        "selective, save it with active: false, or let an administrator send override: true",
    );
  }
}

/** Whether what runs on new alerts changes. */
function isSwitchedOn(filter: FilterDocument, known: FilterDocument | undefined): boolean {
  return (
    known?.active !== true ||
    known.active_fid !== filter.active_fid ||
    filter.permissions.some((program) => !known.permissions.includes(program))
  );
}

function scopeOf(filter: FilterDocument): { survey: string; permissions: readonly number[] } {
  return { survey: surveyOfCatalog(filter.catalog).name, permissions: filter.permissions };
}

/** The active version's pipeline, then those of its actions. */
function pipelinesOf(filter: FilterDocument): NamedStages[] {
  const version = filter.fv.find(({ fid }) => fid === filter.active_fid);
  const named = (holder: unknown, path: string): NamedStages[] =>
    isDocument(holder) && typeof holder["pipeline"] === "string" ? [{ path, text: holder["pipeline"] }] : [];
  return [
    ...named(version, "pipeline"),
    ...named(filter.autosave, "autosave.pipeline"),
    ...named(filter.auto_followup, "auto_followup.pipeline"),
  ];
}
