/**
 * Reports matches to SkyPortal (Fritz): the candidate with the filters it passed, annotations, photometry,
 * thumbnails, saves, comments and follow-up requests, in this order. Of an object that SkyPortal knows only what
 * is new is sent; of alerts that passed nothing, only those of objects that were reported.
 */
import { CutoutError, Drawing, readCutouts, type Stretch, THUMBNAIL_SIZE } from "../../cutouts/index.ts";
import type { Match } from "../../filters/index.ts";
import { readPhotometry } from "../../lightcurves/index.ts";
import { type Document, isDocument } from "../../query/index.ts";
import type { Store } from "../../store/index.ts";
import { type FluxPoint, type Survey, surveyByName } from "../../surveys/index.ts";
import { type FilterChoice, isChosen } from "../choice.ts";
import type { OutboxItem } from "../outbox.ts";
import { type Delivery, RefusedError, type Sink } from "../sink.ts";
import { readAlert } from "../stored.ts";
import { documentsOf, integersOf, SkyPortalClient } from "./client.ts";
import { Directory } from "./directory.ts";
import {
  asRequested,
  CONDITIONS_NOT_MET,
  countingRequests,
  type FollowupMatch,
  followupAction,
  followupComment,
  followupsOf,
  requestBody,
  targetGroups,
  timestamp,
} from "./followups.ts";
import { newPoints, photometryBodies, sentThrough } from "./photometry.ts";
import { ObjectState } from "./state.ts";

export interface SkyPortalOptions {
  readonly name: string;
  readonly address: string;
  readonly token: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly choice: FilterChoice;
  /** Where alerts are read; without it the sink can only be checked. */
  readonly store?: Store;
}

/** How we are called in SkyPortal's records. */
const ORIGIN = "Kowalski";
/** SkyPortal's words for what it has already: said when a call came through although its answer did not. */
const HAS_ALREADY = /already|duplicate key|unique/i;
const FORCED_PHOTOMETRY = "?duplicate_ignore_flux=true&overwrite_flux=true";
/** Stamps by SkyPortal's type of thumbnail, and how each is drawn. */
const THUMBNAILS = [
  ["science", "new", "log"],
  ["template", "ref", "log"],
  // Linear: log would hide what is negative.
  ["difference", "sub", "linear"],
] as const;

export function openSkyPortal(options: SkyPortalOptions): Sink {
  const client = new SkyPortalClient(options);
  const directory = new Directory(client);
  const drawing = new Drawing();
  return {
    name: options.name,
    takes: "alerts",
    concurrency: options.concurrency,
    // An entry without a match tells of a new alert of an object that was reported.
    wants: (item: OutboxItem) => item.match === undefined || isChosen(options.choice, item),
    deliver: async (delivery, signal) => {
      const survey = surveyByName(delivery.survey);
      if (survey?.skyportal === undefined)
        throw new RefusedError(`${delivery.survey} alerts are not reported to SkyPortal`);
      const { store } = options;
      if (store === undefined) throw new Error("a SkyPortal sink without a store cannot deliver");
      const { objectId, candid } = delivery;
      const id = `${options.name}/${survey.name}/${objectId}`;
      const state = await ObjectState.open(store, id, candid);
      await new Report({ client, directory, drawing, store, survey, delivery, state, signal }).run();
    },
    async check(signal) {
      const streams = documentsOf(await client.call("GET", "/api/streams", { signal }));
      return `${options.address} answers, the token sees ${streams.length} streams`;
    },
    close: async () => drawing.close(),
  };
}

interface ReportParts {
  readonly drawing: Drawing;
  readonly client: SkyPortalClient;
  readonly directory: Directory;
  readonly store: Store;
  readonly survey: Survey;
  readonly delivery: Delivery;
  readonly state: ObjectState;
  readonly signal: AbortSignal;
}

/** One delivery: an alert with its matches, or a new alert of a reported object. */
class Report {
  readonly #objectId: string;
  readonly #source: string;
  readonly #key: string;

  constructor(readonly parts: ReportParts) {
    this.#objectId = parts.delivery.objectId;
    this.#source = `/api/sources/${encodeURIComponent(this.#objectId)}`;
    this.#key = parts.delivery.items[0].id;
  }

  async run(): Promise<void> {
    const { state, delivery } = this.parts;
    const ids = delivery.items.map(({ id }) => id).join();
    // Done, but killed before the outbox knew.
    if (state.last === ids) return;
    const matches = delivery.items.flatMap(({ match }) => (match === undefined ? [] : [match]));
    if (matches.length === 0) {
      // Matches of other sinks' filters report objects that this one never did.
      if (!state.reported) return;
      await this.#photometry();
    } else await this.#matches(matches);
    await state.finish(ids);
    if (state.refusals.length > 0) throw new RefusedError(state.refusals.join("; "));
  }

  async #matches(all: readonly Match[]): Promise<void> {
    const { state, store, survey, delivery } = this.parts;
    const alert = await readAlert(store, survey, delivery.candid);
    await this.parts.directory.channel(survey, this.parts.signal);
    const { matches, origins } = await this.#knownMatches(all);
    if (matches.length === 0) throw new RefusedError(state.refusals.join("; "));
    const isSource = await this.#look();
    const posted = await state.once("candidate", () => this.#candidate(alert, matches), HAS_ALREADY);
    // What SkyPortal does not take as a candidate has nothing that the rest could be attached to.
    if (!posted && state.isNew === true) throw new RefusedError(state.refusals.join("; "));
    if (state.isNew === true) {
      await this.#newAnnotations(matches, origins);
      await this.#photometry();
      await this.#thumbnails();
      await this.#save(matches, []);
    } else {
      await this.#knownAnnotations(matches, origins);
      const groups = isSource ? idsOf(await this.#get(`${this.#source}/groups`)) : [];
      await this.#save(matches, groups);
      await this.#photometry();
    }
    await this.#comments(matches);
    await this.#followups(matches);
  }

  /** The matches of filters that SkyPortal knows, with the origins of their annotations. */
  async #knownMatches(all: readonly Match[]): Promise<{ matches: Match[]; origins: Map<string, string> }> {
    const { directory, state, signal } = this.parts;
    const matches: Match[] = [];
    const origins = new Map<string, string>();
    for (const match of all) {
      const group = await directory.group(match.group_id, signal);
      const name = group?.filters.get(match.filter_id);
      if (group === undefined || name === undefined) {
        const what =
          group === undefined ? `group ${match.group_id}` : `filter ${match.filter_id} of ${group.name}`;
        state.refuse(`SkyPortal has no ${what} that the token can see`);
        continue;
      }
      matches.push(match);
      origins.set(match.filter, `${group.name}:${name}`);
    }
    return { matches, origins };
  }

  /** Finds out whether SkyPortal knows the object; answers whether it is saved as a source. */
  async #look(): Promise<boolean> {
    const { client, state, signal } = this.parts;
    const isCandidate = await client.exists(`/api/candidates/${encodeURIComponent(this.#objectId)}`, signal);
    const isSource = await client.exists(this.#source, signal);
    await state.begin(!isCandidate && !isSource);
    return isSource;
  }

  async #candidate(alert: Document, matches: readonly Match[]): Promise<void> {
    const candidate = isDocument(alert["candidate"]) ? alert["candidate"] : {};
    const passedAt = Math.min(...matches.map(({ passed_at }) => passed_at.getTime()));
    await this.#call("POST", "/api/candidates", {
      id: this.#objectId,
      ra: candidate["ra"],
      dec: candidate["dec"],
      score: candidate["drb"] ?? candidate["rb"],
      filter_ids: matches.map(({ filter_id }) => filter_id),
      passing_alert_id: this.parts.delivery.candid,
      passed_at: timestamp(passedAt),
      origin: ORIGIN,
    });
  }

  async #newAnnotations(matches: readonly Match[], origins: ReadonlyMap<string, string>): Promise<void> {
    for (const match of matches) {
      const origin = origins.get(match.filter) ?? match.filter;
      await this.#annotation(match, origin);
    }
  }

  async #annotation(match: Match, origin: string): Promise<void> {
    if (Object.keys(match.annotations).length === 0) return;
    const body = this.#annotationBody(match, origin);
    const post = () => this.#call("POST", `${this.#source}/annotations`, body);
    await this.parts.state.once(`annotation ${match.filter}`, post, HAS_ALREADY);
  }

  #annotationBody(match: Match, origin: string) {
    return { obj_id: this.#objectId, origin, data: match.annotations, group_ids: [match.group_id] };
  }

  async #knownAnnotations(matches: readonly Match[], origins: ReadonlyMap<string, string>): Promise<void> {
    const known = documentsOf(await this.#get(`${this.#source}/annotations`));
    for (const match of matches) {
      const origin = origins.get(match.filter) ?? match.filter;
      const annotation = known.find((other) => other["origin"] === origin);
      if (annotation === undefined) await this.#annotation(match, origin);
      else if (match.update_annotations && Object.keys(match.annotations).length > 0) {
        const path = `${this.#source}/annotations/${String(annotation["id"])}`;
        const body = { author_id: annotation["author_id"], ...this.#annotationBody(match, origin) };
        await this.parts.state.once(`annotation ${match.filter}`, () => this.#call("PUT", path, body));
      }
    }
  }

  /** Sends what SkyPortal does not have of the light curve. */
  async #photometry(): Promise<void> {
    const { store, survey } = this.parts;
    const { alerts, forced } = await readPhotometry(store, survey, this.#objectId);
    await this.#points("photometry", alerts, "", null);
    await this.#points("forced photometry", forced, FORCED_PHOTOMETRY, "alert_fp");
  }

  async #points(
    what: string,
    points: readonly FluxPoint[],
    query: string,
    origin: string | null,
  ): Promise<void> {
    const { state, survey, directory, signal } = this.parts;
    const fresh = newPoints(points, state.sent.get(what));
    if (fresh.length === 0) return;
    const channel = await directory.channel(survey, signal);
    let good = true;
    for (const body of photometryBodies(this.#objectId, fresh, channel, origin)) {
      const put = () => this.#call("PUT", `/api/photometry${query}`, body, true);
      good = (await state.once(`${what} ${body.stream_ids.join()}`, put)) && good;
    }
    if (good) state.sent.set(what, sentThrough(points));
  }

  async #thumbnails(): Promise<void> {
    const { store, survey, delivery, state } = this.parts;
    const stamps = await readCutouts(store, survey, delivery.candid);
    for (const [kind, ttype, stretch] of THUMBNAILS) {
      const stamp = stamps.get(survey.stamps.fields[kind]);
      if (stamp === undefined) continue;
      await state.once(`thumbnail ${ttype}`, async () => {
        const data = Buffer.from(await this.#thumbnail(stamp.data, stretch)).toString("base64");
        await this.#call("POST", "/api/thumbnail", { obj_id: this.#objectId, data, ttype });
      });
    }
  }

  async #thumbnail(data: Uint8Array, stretch: Stretch): Promise<Uint8Array> {
    const { drawing, survey } = this.parts;
    const { firstRow } = survey.stamps;
    try {
      const stamp = { data, stretch, interval: "asymmetric_percentile" } as const;
      return await drawing.draw([stamp], { cmap: "bone", size: THUMBNAIL_SIZE, firstRow });
    } catch (error) {
      if (error instanceof CutoutError) throw new RefusedError(`thumbnail: ${error.message}`);
      throw error;
    }
  }

  /** Saves the object to the groups whose filters say so, but for those that have it. */
  async #save(matches: readonly Match[], groups: readonly number[]): Promise<void> {
    const { state } = this.parts;
    const saving = matches.flatMap(({ group_id, autosave }) =>
      autosave === false || groups.includes(group_id) ? [] : [{ group_id, autosave }],
    );
    if (saving.length === 0) return;
    const ignored = saving.flatMap(({ group_id, autosave: { ignore_group_ids: ids } }) =>
      ids === undefined || ids.length === 0 ? [] : [[String(group_id), ids] as const],
    );
    const savers = saving.flatMap(({ group_id, autosave: { saver_id } }) =>
      saver_id === undefined ? [] : [[String(group_id), saver_id] as const],
    );
    const body = {
      id: this.#objectId,
      group_ids: [...new Set(saving.map(({ group_id }) => group_id))],
      origin: ORIGIN,
      ...(ignored.length === 0 ? {} : { ignore_if_in_group_ids: Object.fromEntries(ignored) }),
      ...(savers.length === 0 ? {} : { saver_per_group_id: Object.fromEntries(savers) }),
    };
    await state.once("source", async () => {
      const answer = await this.#call("POST", "/api/sources", body);
      // Older versions do not tell, and save to all that were asked for.
      const told = isDocument(answer) ? answer["saved_to_groups"] : undefined;
      state.saved = Array.isArray(told) ? integersOf(told) : body.group_ids;
    });
  }

  async #comments(matches: readonly Match[]): Promise<void> {
    for (const { filter, group_id, autosave } of matches) {
      if (autosave === false || !this.parts.state.saved.includes(group_id)) continue;
      if (autosave.comment !== undefined && autosave.comment !== "") {
        await this.#comment(`comment ${filter}`, autosave.comment, [group_id]);
      }
    }
  }

  async #comment(step: string, text: string, groupIds: readonly number[]): Promise<void> {
    const body = { text, group_ids: groupIds };
    await this.parts.state.once(step, () => this.#call("POST", `${this.#source}/comments`, body));
  }

  async #followups(matches: readonly Match[]): Promise<void> {
    const wanted = followupsOf(matches);
    if (wanted.length === 0) return;
    const path = `/api/followup_request?sourceID=${encodeURIComponent(this.#objectId)}`;
    const requests = countingRequests(await this.#get(path), Date.now());
    for (const followup of wanted) await this.#followup(followup, requests);
  }

  async #followup(wanted: FollowupMatch, requests: Document[]): Promise<void> {
    const { state } = this.parts;
    const { match, followup } = wanted;
    const step = `follow-up ${match.filter}`;
    const action = followupAction(wanted, requests);
    if (action.kind === "update") {
      await state.once(step, () =>
        this.#call("PUT", `/api/followup_request/${action.id}`, action.body, true),
      );
    }
    if (action.kind !== "request") return;
    let asked = false;
    await state.once(
      step,
      async () => {
        const body = requestBody(wanted, Date.now());
        await this.#call("POST", "/api/followup_request", body, true);
        requests.push(asRequested(wanted, body.payload as Document));
        asked = true;
      },
      CONDITIONS_NOT_MET,
    );
    const comment = followupComment(followup);
    if (asked && comment !== undefined) {
      await this.#comment(`${step} comment`, comment, targetGroups(match, followup));
    }
  }

  #get(path: string) {
    return this.parts.client.call("GET", path, { signal: this.parts.signal });
  }

  #call(method: "POST" | "PUT", path: string, body: unknown, slow = false): Promise<unknown> {
    return this.parts.client.call(method, path, { body, signal: this.parts.signal, slow, key: this.#key });
  }
}

function idsOf(answer: unknown): number[] {
  return Array.isArray(answer) ? answer.filter(isDocument).map((group) => Number(group["id"])) : [];
}
