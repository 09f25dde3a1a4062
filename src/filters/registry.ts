/**
 * The active filters as they run on one thread: compiled once, looked for changes before each batch, and
 * exchanged between batches, so that every alert of a batch meets the same filters.
 */
import { printJson } from "../query/index.ts";
import type { AlertReader } from "../store/index.ts";
import { surveys } from "../surveys/index.ts";
import { type CompiledVersion, compileVersion, PipelineCompiler } from "./compiled.ts";
import { FILTERS, type FilterDocument } from "./definition.ts";
import { FilterEngine } from "./engine.ts";
import type { Tally } from "./tally.ts";

/** Tallies of one thread by night and filter, as they travel. */
export type Tallies = readonly { readonly night: string; readonly filter: string; readonly tally: Tally }[];

/** A filter that is stored and cannot be run by this version. */
export interface BrokenFilter {
  readonly filter: string;
  readonly fid: string;
  readonly message: string;
}

interface Known {
  readonly text: string;
  readonly version: CompiledVersion | undefined;
}

export class FilterRegistry {
  #mark: string | undefined;
  /** By filter; what did not change is not compiled again. */
  #known = new Map<string, Known>();
  readonly #pipelines = new PipelineCompiler();
  #engines = new Map<string, FilterEngine>();
  /** Of engines that were exchanged. */
  readonly #left: { night: string; filter: string; tally: Tally }[] = [];
  #broken: BrokenFilter[] = [];

  constructor(readonly reader: AlertReader) {}

  /** Takes in what changed since the last call. */
  async refresh(): Promise<void> {
    const mark = await this.reader.changeMark(FILTERS);
    if (mark === this.#mark) return;
    const documents = (await this.reader.documents(FILTERS)) as FilterDocument[];
    const active = documents.filter((filter) => filter.active);
    this.#known = new Map(active.map((filter) => [filter._id, this.#compile(filter)]));
    const compiled = [...this.#known.values()].flatMap(({ version }) => version ?? []);
    this.#pipelines.keepOnly(compiled);
    this.#left.push(...this.#takeFromEngines());
    const engines = new Map<string, FilterEngine>();
    for (const survey of surveys) {
      const versions = compiled.filter(({ filter }) => filter.catalog === survey.collections.alerts);
      if (versions.length > 0) engines.set(survey.name, new FilterEngine(survey, versions));
    }
    this.#engines = engines;
    this.#mark = mark;
  }

  /** The engine of a survey's filters; undefined when none is active. */
  engine(survey: string): FilterEngine | undefined {
    return this.#engines.get(survey);
  }

  /** What was counted since the last call. */
  takeTallies(): Tallies {
    return [...this.#left.splice(0), ...this.#takeFromEngines()];
  }

  /** Filters that turned out to be broken since the last call. */
  takeBroken(): BrokenFilter[] {
    const taken = this.#broken;
    this.#broken = [];
    return taken;
  }

  #compile(filter: FilterDocument): Known {
    const text = printJson(filter);
    const known = this.#known.get(filter._id);
    if (known?.text === text) return known;
    try {
      return { text, version: compileVersion(filter, this.#pipelines) };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#broken.push({ filter: filter._id, fid: filter.active_fid, message });
      return { text, version: undefined };
    }
  }

  #takeFromEngines(): { night: string; filter: string; tally: Tally }[] {
    return [...this.#engines.values()].flatMap((engine) =>
      [...engine.takeTallies()].flatMap(([night, tallies]) =>
        [...tallies].map(([filter, tally]) => ({ night, filter, tally })),
      ),
    );
  }
}
