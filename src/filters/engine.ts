/**
 * Runs the active filters of one survey on alerts in memory.
 *
 * Filters are grouped by what they may see: an alert is joined once per distinct permission set, and leading
 * conditions on the alert are evaluated once. Within a set, filters with the same pipeline share one run of it, and
 * what it comes to, an error too, counts for each of them; its time counts for the first. A filter that throws or
 * overruns affects only itself and its copies.
 */
import { checkSize, Deadline, type Document, QueryError, type Value } from "../query/index.ts";
import type { ObjectRecord } from "../store/index.ts";
import type { Survey } from "../surveys/index.ts";
import { alertProgramOf } from "../surveys/index.ts";
import type { CompiledStages, CompiledVersion } from "./compiled.ts";
import { Screen, SharedConditions } from "./conditions.ts";
import { joinAlert, NEEDS_RECORD, type Programs } from "./joined.ts";
import type { Match } from "./match.ts";
import { annotationsOf, MOST_RESULT_BYTES, PipelineRuns } from "./pipeline-runs.ts";
import { addTally, countRun, emptyTally, nightOf, type Tally } from "./tally.ts";

/** Longest time of one filter on one alert, milliseconds of its thread's work. */
const FILTER_LIMIT_MS = 500;
/** Overruns after which a filter is switched off. */
export const MOST_OVERRUNS = 3;
/** Longest message that is kept of an error. */
const MOST_MESSAGE = 1000;

/** An alert on its way, as far as filters need it. */
export interface FilteredAlert {
  readonly candid: bigint;
  readonly objectId: string;
  /** Julian date, days. */
  readonly jd: number;
  readonly document: Document;
}

/** Filters of an alert that wait for its object's record, of one permission set. */
export interface Waiting {
  readonly alert: FilteredAlert;
  readonly set: PermissionSet;
  readonly filters: readonly ActiveFilter[];
}

interface ActiveFilter {
  readonly version: CompiledVersion;
  /** Whether others of its permission set have the same pipeline, whose runs they share. */
  isCopy: boolean;
  /** Conditions that need the object's record, by their numbers. */
  readonly ofRecord: readonly number[];
  overruns: number;
  /** How many alerts it had seen this night when it was stopped for its overruns. */
  stoppedAt: number | undefined;
  /** Of the night that the engine is in. */
  tally: Tally;
}

/** Filters that may see the same programs. */
class PermissionSet {
  readonly filters: ActiveFilter[] = [];
  /** The first filter with each pipeline. */
  readonly #firsts = new Map<CompiledStages, ActiveFilter>();
  /** By what they ask of the alert alone. */
  readonly screen: Screen<ActiveFilter>;
  /** What they ask of the object's record, as they may see it. */
  readonly ofRecord = new SharedConditions();
  /** Alerts that they saw in the night that the engine is in. */
  seen = 0;

  constructor(
    readonly programs: Programs,
    ofAlert: SharedConditions,
  ) {
    this.screen = new Screen(ofAlert);
  }

  add(version: CompiledVersion): void {
    const { leading, isRandom } = version.stages;
    const ofRecord = (leading?.ofRecord ?? []).map((condition) => this.ofRecord.numberOf(condition));
    const first = isRandom ? undefined : this.#firsts.get(version.stages);
    const isCopy = first !== undefined;
    const active = { version, isCopy, ofRecord, overruns: 0, stoppedAt: undefined, tally: emptyTally() };
    if (first === undefined) this.#firsts.set(version.stages, active);
    else first.isCopy = true;
    this.filters.push(active);
    this.screen.add(active, leading?.ofAlert ?? []);
  }
}

export class FilterEngine {
  readonly #sets: PermissionSet[] = [];
  readonly #ofAlert = new SharedConditions();
  /** By night and filter: what was counted before the night that the filters' own tallies are of. */
  #tallies = new Map<string, Map<string, Tally>>();
  #night = "";
  #day = Number.NaN;

  constructor(
    readonly survey: Survey,
    versions: readonly CompiledVersion[],
    readonly options: { readonly backfill: boolean } = { backfill: false },
  ) {
    const sets = new Map<string, PermissionSet>();
    for (const version of versions) {
      const programs = survey.programPath === undefined ? undefined : new Set(version.filter.permissions);
      const key = programs === undefined ? "" : [...programs].sort((a, b) => a - b).join();
      let set = sets.get(key);
      if (set === undefined) {
        set = new PermissionSet(programs, this.#ofAlert);
        sets.set(key, set);
      }
      set.add(version);
    }
    this.#sets = [...sets.values()];
  }

  /** Runs all filters on an alert, as far as they get without its object's record; `emit` gets the matches. */
  begin(alert: FilteredAlert, emit: (match: Match) => void): Waiting[] {
    const program = alertProgramOf(this.survey, alert.document);
    const sets = this.#sets.filter(
      ({ programs }) => programs === undefined || (program !== undefined && programs.has(program)),
    );
    if (sets.length === 0) return [];
    this.#enterNight(alert.jd);
    this.#ofAlert.begin(alert.document);
    const waiting: Waiting[] = [];
    for (const set of sets) {
      set.seen++;
      const filters = set.screen.passing();
      // When one filter waits, the others may as well: the record is read once for all.
      const done = waiting.length > 0 ? 0 : this.#run(alert, set, filters, undefined, emit);
      if (done < filters.length) waiting.push({ alert, set, filters: filters.slice(done) });
    }
    return waiting;
  }

  /** Runs the filters that waited. */
  finish({ alert, set, filters }: Waiting, record: ObjectRecord, emit: (match: Match) => void): void {
    this.#enterNight(alert.jd);
    this.#run(alert, set, filters, record, emit);
  }

  /** What was counted since the last call, by night and filter. */
  takeTallies(): ReadonlyMap<string, ReadonlyMap<string, Tally>> {
    this.#leaveNight();
    const taken = this.#tallies;
    this.#tallies = new Map();
    return taken;
  }

  /** Runs filters; answers the place of the first that needs the record, or how many there are. */
  #run(
    alert: FilteredAlert,
    set: PermissionSet,
    filters: readonly ActiveFilter[],
    record: ObjectRecord | undefined,
    emit: (match: Match) => void,
  ): number {
    if (filters.length === 0) return 0;
    const joined = joinAlert(alert.document, alert.jd, this.survey, set.programs, record);
    const began = workClock();
    const runs = new PipelineRuns(joined, (started) => timeSince(started, began));
    if (record !== undefined) set.ofRecord.begin(joined);
    for (const [place, active] of filters.entries()) {
      if (active.overruns >= MOST_OVERRUNS) continue;
      try {
        if (active.ofRecord.length > 0 && record === undefined) return place;
        if (!active.ofRecord.every((number) => set.ofRecord.holds(number))) continue;
        this.#runOne(active, alert, runs, emit);
      } catch (error) {
        if (error === NEEDS_RECORD) return place;
        noteFailure(active, alert, error);
        if (active.overruns >= MOST_OVERRUNS) active.stoppedAt = set.seen;
      }
    }
    return filters.length;
  }

  #runOne(
    active: ActiveFilter,
    alert: FilteredAlert,
    runs: PipelineRuns,
    emit: (match: Match) => void,
  ): void {
    const started = performance.now();
    let measured = true;
    try {
      const deadline = filterDeadline(active.isCopy ? runs.spentOn(active.version.stages) : 0);
      const match = deadline.run(() => this.#matchOf(active, alert, runs));
      if (match === undefined) return;
      emit(match);
      active.tally.passed++;
    } catch (error) {
      // It will run again with the record.
      if (error === NEEDS_RECORD) measured = false;
      throw error;
    } finally {
      if (measured) countRun(active.tally, runs.timeSince(started));
    }
  }

  /** Runs a filter, and on a match those of its actions. */
  #matchOf({ version, isCopy }: ActiveFilter, alert: FilteredAlert, runs: PipelineRuns): Match | undefined {
    const { stages, filter } = version;
    const { joined } = runs;
    const annotations = isCopy ? runs.annotations(stages) : annotationsOf(stages, joined);
    if (annotations === undefined) return undefined;
    const autosave = version.autosaveOf(joined);
    const followup = autosave === false ? null : version.followupOf(joined);
    const match: Match = {
      filter: filter._id,
      group_id: filter.group_id,
      filter_id: filter.filter_id,
      fid: version.fid,
      survey: this.survey.name,
      candid: alert.candid,
      objectId: alert.objectId,
      jd: alert.jd,
      annotations,
      permissions: filter.permissions,
      update_annotations: filter.update_annotations,
      autosave,
      auto_followup: followup,
      passed_at: new Date(),
      backfill: this.options.backfill,
    };
    for (const part of [autosave, followup]) checkSize(part as Value, "annotations", MOST_RESULT_BYTES);
    return match;
  }

  #enterNight(jd: number): void {
    const day = Math.floor(jd - 0.5);
    if (day === this.#day) return;
    this.#leaveNight();
    this.#day = day;
    this.#night = Number.isFinite(jd) ? nightOf(jd) : "";
    // Overruns count by night, here as in the reports that switch filters off: one now and then stops nothing.
    for (const { filters } of this.#sets) {
      for (const active of filters) {
        active.overruns = 0;
        active.stoppedAt = undefined;
      }
    }
  }

  /** Puts away what the filters counted. */
  #leaveNight(): void {
    const tallies = this.#tallies.get(this.#night) ?? new Map<string, Tally>();
    for (const set of this.#sets) {
      const { filters, seen } = set;
      set.seen = 0;
      for (const active of filters) {
        active.tally.seen = active.stoppedAt ?? seen;
        if (active.stoppedAt !== undefined) active.stoppedAt = 0;
        // Alerts that waited for their objects' records are finished when others of another night were begun.
        if (active.tally.seen === 0 && active.tally.runs === 0 && active.tally.errors === 0) continue;
        const known = tallies.get(active.version.filter._id);
        if (known === undefined) tallies.set(active.version.filter._id, active.tally);
        else addTally(known, active.tally);
        active.tally = emptyTally();
      }
    }
    if (tallies.size > 0) this.#tallies.set(this.#night, tallies);
  }
}

/**
 * The time that this thread has worked, milliseconds. What a filter takes is measured by it: a filter is not at
 * fault when the machine is busy with others.
 */
function workClock(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The time limit of one filter on one alert, from when it turns out to be no short run, less what was `spent` on it. */
export function filterDeadline(spent = 0): Deadline {
  return new Deadline(FILTER_LIMIT_MS, "pipeline", workClock, { late: true, spent });
}

/** Runs that seem shorter, milliseconds, are measured by the wall: the clock of the thread's work takes longer. */
const SHORT_MS = 1;

/** What a filter took, milliseconds, that started at that time of the wall; `began` is an earlier time of work. */
function timeSince(started: number, began: number): number {
  const time = performance.now() - started;
  return time < SHORT_MS ? time : Math.min(time, workClock() - began);
}

function noteFailure(active: ActiveFilter, alert: FilteredAlert, error: unknown): void {
  const { tally } = active;
  if (error instanceof QueryError && error.kind === "deadline") {
    active.overruns++;
    tally.overruns++;
  }
  tally.errors++;
  const message = error instanceof Error ? error.message : String(error);
  tally.failure = {
    candid: alert.candid.toString(),
    message: message.slice(0, MOST_MESSAGE),
    at: Date.now(),
  };
}
