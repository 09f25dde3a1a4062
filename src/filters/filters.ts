/** The filters of a store: listed, made, changed, removed, with the rights of whoever asks. */
import type { Document } from "../query/index.ts";
import { DuplicateKeyError, type Store } from "../store/index.ts";
import {
  type Author,
  checkGroup,
  checkPrograms,
  checkSettings,
  FILTERS,
  type FilterDocument,
  type FilterVersion,
  filterKey,
  readIdentity,
  readSettings,
  surveyOfCatalog,
} from "./definition.ts";
import { FilterError, invalid } from "./errors.ts";
import { Examination, type ShareLimits } from "./examination.ts";
import { booleanField } from "./fields.ts";
import { parseStages, readStages, stagesText } from "./pipeline.ts";
import { readBackfill } from "./requests.ts";
import type { TrialSummary } from "./trial.ts";
import type { Trials, TrialWatcher } from "./trials.ts";

const MAX_TIME_MS = 10_000;
const FID_LENGTH = 6;
const FID_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789";

export interface FiltersOptions extends ShareLimits {
  readonly trials: Trials;
}

export interface SavedFilter {
  readonly filter: FilterDocument;
  readonly version: FilterVersion;
  /** What came of trying it. */
  readonly note: string;
}

/** A filter as it would be, and as it is. */
interface Draft {
  readonly filter: FilterDocument;
  readonly known: FilterDocument | undefined;
}

export class Filters {
  /** Changes are one after the other: each reads what is stored and writes it back. */
  #lastChange: Promise<unknown> = Promise.resolve();

  readonly #examination: Examination;

  constructor(
    readonly store: Store,
    readonly options: FiltersOptions,
  ) {
    this.#examination = new Examination(options);
  }

  /** Trials on stored alerts. */
  get trials(): Trials {
    return this.options.trials;
  }

  /** Filters that the author may see, by group and number. */
  async list(author: Author, filter: Document = {}): Promise<FilterDocument[]> {
    const mine = (await this.all(filter)).filter(
      ({ group_id }) => author.isAdministrator || author.groups.includes(group_id),
    );
    return mine.sort((a, b) => a.group_id - b.group_id || a.filter_id - b.filter_id);
  }

  /** Filters of all groups that match a find filter. */
  async all(filter: Document = {}): Promise<FilterDocument[]> {
    const found: FilterDocument[] = [];
    const request = { collection: FILTERS, filter, maxTimeMs: MAX_TIME_MS };
    for await (const document of this.store.find(request).documents()) found.push(document as FilterDocument);
    return found;
  }

  /**
   * One filter. Its number alone names it as long as only one group has a filter of that number. Throws
   * `FilterError`.
   */
  async get(author: Author, filterId: number, groupId?: number): Promise<FilterDocument> {
    const found = await this.all({
      filter_id: filterId,
      ...(groupId === undefined ? {} : { group_id: groupId }),
    });
    const mine = found.filter(({ group_id }) => author.isAdministrator || author.groups.includes(group_id));
    const [filter, second] = mine.length > 0 ? mine : found;
    if (filter === undefined) throw new FilterError("missing", `Filter id ${filterId} not found`);
    checkGroup(author, filter.group_id);
    if (second !== undefined) {
      const groups = mine.map(({ group_id }) => group_id).join(", ");
      throw new FilterError(
        "conflict",
        `filter_id ${filterId} exists in groups ${groups}: give group_id too`,
      );
    }
    return filter;
  }

  /**
   * Makes a filter or adds a version to it and makes that active; settings that are given along are set.
   * Answers the filter, its new version, and what came of its trial in words.
   */
  async save(author: Author, body: Document): Promise<SavedFilter> {
    const draft = await this.#draftOf(author, body);
    const note = await this.#examination.examine(draft.filter, draft.known, overrides(author, body));
    // Looked at again: others may have changed the filter while it was tried.
    return this.#inTurn(async () => {
      const { filter, known, version } = await this.#draftOf(author, body);
      await this.#write(filter, known === undefined);
      return { filter, version, note };
    });
  }

  /** Changes settings and which version is active; versions stay as they are. Answers the whole filter. */
  async change(author: Author, body: Document): Promise<FilterDocument> {
    const draft = await this.#changedBy(author, body);
    await this.#examination.examine(draft.filter, draft.known, overrides(author, body));
    return this.#inTurn(async () => {
      const { filter } = await this.#changedBy(author, body);
      await this.#write(filter, false);
      return filter;
    });
  }

  /**
   * Runs a filter's active version over stored alerts that the body chooses, and records what it matches and was not
   * recorded before; `delivered` counts those. Throws `FilterError`, `QueryError`.
   */
  async backfill(
    author: Author,
    filter: FilterDocument,
    body: Document,
    watcher: TrialWatcher,
  ): Promise<TrialSummary & { readonly delivered: number }> {
    const scope = readBackfill(author, filter, body);
    const recorded = () =>
      this.store.count({
        collection: "outbox",
        filter: { "document.filter": filter._id, "document.backfill": true },
        maxTimeMs: MAX_TIME_MS,
      });
    const before = await recorded();
    const summary = await this.trials.backfill(filter, scope, watcher);
    return { ...summary, delivered: (await recorded()) - before };
  }

  /** The filter as a POST makes it. */
  async #draftOf(author: Author, body: Document): Promise<Draft & { version: FilterVersion }> {
    const { filterId, groupId } = readIdentity(body);
    if (groupId === undefined) throw invalid("group_id: missing");
    checkGroup(author, groupId);
    const survey = surveyOfCatalog(body["catalog"]);
    const stages = readStages(body["pipeline"], "pipeline");
    parseStages(stages, "pipeline");
    const [known] = await this.all({ _id: filterKey(groupId, filterId) });
    if (known !== undefined && known.catalog !== survey.collections.alerts) {
      throw invalid(`catalog: filter ${filterId} of group ${groupId} is for ${known.catalog}, which stays`);
    }
    const now = new Date();
    const version: FilterVersion = { fid: newFid(known), pipeline: stagesText(stages), created_at: now };
    const base = known ?? newFilter(groupId, filterId, survey.collections.alerts, now);
    const filter: FilterDocument = {
      ...base,
      ...readSettings(body),
      active_fid: version.fid,
      fv: [...base.fv, version],
      last_modified: now,
    };
    await this.#check(author, filter);
    return { filter, known, version };
  }

  /** The filter as a PATCH makes it. */
  async #changedBy(author: Author, body: Document): Promise<Draft> {
    const { filterId, groupId } = readIdentity(body);
    const known = await this.get(author, filterId, groupId);
    const { active_fid: fid = known.active_fid } = body;
    const version = known.fv.find((candidate) => candidate.fid === fid);
    if (version === undefined) {
      throw invalid(`Cannot set active_fid to ${String(fid)}: filter version fid not in filter.fv`);
    }
    const filter: FilterDocument = {
      ...known,
      ...readSettings(body),
      active_fid: version.fid,
      last_modified: new Date(),
    };
    await this.#check(author, filter);
    return { filter, known };
  }

  async #check(author: Author, filter: FilterDocument): Promise<void> {
    if (filter.active) delete filter.switched_off;
    checkPrograms(author, surveyOfCatalog(filter.catalog), filter.permissions);
    checkSettings(filter, await this.all());
  }

  async remove(author: Author, filterId: number, groupId?: number): Promise<void> {
    const filter = await this.get(author, filterId, groupId);
    await this.store.remove(FILTERS, filter._id);
  }

  /**
   * Switches a filter off for a reason that its author reads; answers whether it was on. With `fid`, only
   * while that version is the active one.
   */
  switchOff(key: string, fid: string | undefined, reason: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const [filter] = await this.all({ _id: key });
      if (filter?.active !== true || (fid !== undefined && filter.active_fid !== fid)) return false;
      const at = new Date();
      await this.#write({ ...filter, active: false, switched_off: { reason, at }, last_modified: at }, false);
      return true;
    });
  }

  async #write(filter: FilterDocument, isNew: boolean): Promise<void> {
    if (!isNew) {
      await this.store.replace(FILTERS, filter);
      return;
    }
    try {
      await this.store.insert(FILTERS, [filter]);
    } catch (error) {
      if (!(error instanceof DuplicateKeyError)) throw error;
      throw new FilterError("conflict", `filter ${filter._id} was made by another at this moment: try again`);
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(work);
    this.#lastChange = turn.catch(() => undefined);
    return turn;
  }
}

function newFilter(groupId: number, filterId: number, catalog: string, now: Date): FilterDocument {
  return {
    _id: filterKey(groupId, filterId),
    filter_id: filterId,
    group_id: groupId,
    catalog,
    permissions: [],
    active: true,
    autosave: false,
    auto_followup: {},
    update_annotations: false,
    active_fid: "",
    fv: [],
    created_at: now,
    last_modified: now,
  };
}

/** Whether an administrator wants a filter on however much it selects. */
function overrides(author: Author, body: Document): boolean {
  const wanted = booleanField(body, "override") ?? false;
  if (wanted && !author.isAdministrator) {
    throw new FilterError("forbidden", "override: only administrators may override the limit of matches");
  }
  return wanted;
}

function newFid(known: FilterDocument | undefined): string {
  for (;;) {
    const letters = crypto.getRandomValues(new Uint8Array(FID_LENGTH));
    const fid = Array.from(letters, (n) => FID_CHARACTERS[n % FID_CHARACTERS.length]).join("");
    if (known?.fv.some((version) => version.fid === fid) !== true) return fid;
  }
}
