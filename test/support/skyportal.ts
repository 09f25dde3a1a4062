/**
 * A SkyPortal of our own: keeps what it is sent, checks every call by SkyPortal's rules, and fails at will.
 * A call that a correct client never makes is a violation.
 */

export interface Call {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly body: Record<string, unknown> | undefined;
  readonly headers: Headers;
  readonly status: number;
}

/**
 * What to do with a call instead of answering it: an answer, nothing for ever, or doing it and then losing the
 * answer.
 */
export type Trouble = Response | "hang" | "lost" | undefined;
export type TroubleMaker = (call: { method: string; path: string; number: number }) => Trouble;

type Json = Record<string, unknown>;

interface Group {
  readonly id: number;
  readonly name: string;
  readonly nickname: string | null;
  readonly filters: readonly { readonly id: number; readonly name: string }[];
}

export const GROUPS: readonly Group[] = [
  { id: 1, name: "Group One", nickname: null, filters: [{ id: 1, name: "f1" }] },
  { id: 2, name: "The Second Group", nickname: "Group Two", filters: [{ id: 2, name: "f2" }] },
  { id: 4, name: "Group Four", nickname: null, filters: [] },
];
const STREAMS = ["ZTF Public", "ZTF Public+Partnership", "ZTF Public+Partnership+Caltech"];
const ALLOCATIONS = [3, 8];
const BANDS = new Set(["ztfg", "ztfr", "ztfi"]);
const TOKEN = "token tok";

/** SkyPortal refuses the call: status 400 and a message. */
class Refusal extends Error {
  constructor(
    message: string,
    readonly status = 400,
  ) {
    super(message);
  }
}

/** A call that only a wrong client makes. */
class Violation extends Refusal {}

export class FakeSkyPortal {
  readonly calls: Call[] = [];
  readonly violations: string[] = [];
  readonly candidates: Json[] = [];
  readonly sources = new Map<string, Set<number>>();
  readonly annotations: Json[] = [];
  /** Points by object, `mjd/filter/origin` once each. */
  readonly photometry = new Map<string, Set<string>>();
  readonly thumbnails: Json[] = [];
  readonly comments: Json[] = [];
  readonly followups: Json[] = [];
  readonly #server: Bun.Server<undefined>;
  #trouble: TroubleMaker = () => undefined;
  #number = 0;

  constructor(port = 0) {
    this.#server = Bun.serve({ hostname: "127.0.0.1", port, fetch: (request) => this.#answer(request) });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  makeTrouble(trouble: TroubleMaker): void {
    this.#trouble = trouble;
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  /** `POST /api/candidates`, in their order, without failed ones. */
  brief(): string[] {
    return this.calls.filter(({ status }) => status < 300).map(({ method, path }) => `${method} ${path}`);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    const { method } = request;
    const text = await request.text();
    const number = this.#number++;
    const trouble = this.#trouble({ method, path, number });
    const body = text === "" ? undefined : (JSON.parse(text) as Json);
    const note = (status: number) =>
      this.calls.push({ method, path, body, headers: request.headers, status });
    if (trouble === "hang") {
      note(0);
      return new Promise<Response>(() => {});
    }
    if (trouble instanceof Response) {
      note(trouble.status);
      return trouble;
    }
    const answer = this.#perform(method, pathname, new URL(request.url).searchParams, body, request.headers);
    if (trouble === "lost") {
      note(0);
      return new Response("lost", { status: 502 });
    }
    note(answer.status);
    return answer;
  }

  #perform(method: string, path: string, query: URLSearchParams, body: Json | undefined, headers: Headers) {
    try {
      if (headers.get("authorization") !== TOKEN) throw new Violation("unauthorized", 401);
      check(/^Kowalski v/.test(headers.get("user-agent") ?? ""), "User-Agent");
      return Response.json({ status: "success", data: this.#route(method, path, query, body ?? {}) ?? {} });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error instanceof Violation) this.violations.push(`${method} ${path}: ${error.message}`);
      return Response.json({ status: "error", message: error.message, data: {} }, { status: error.status });
    }
  }

  #route(method: string, path: string, query: URLSearchParams, body: Json): unknown {
    const call = `${method} ${path.replace(/ZTF[0-9]{2}[a-z]{7}/, ":id").replace(/\/\d+$/, "/:n")}`;
    const id = /ZTF[0-9]{2}[a-z]{7}/.exec(path)?.[0] ?? "";
    const last = Number(/\/(\d+)$/.exec(path)?.[1]);
    switch (call) {
      case "GET /api/instrument":
        return query.get("name") === "ZTF" ? [{ id: 7, name: "ZTF" }] : [];
      case "GET /api/streams":
        return STREAMS.map((name, n) => ({ id: n + 1, name }));
      case "GET /api/groups/:n":
        return found(GROUPS.find((group) => group.id === last));
      case "HEAD /api/candidates/:id":
        return found(
          this.candidates.find((candidate) => candidate["id"] === id),
          404,
        );
      case "HEAD /api/sources/:id":
        return found(this.sources.get(id), 404);
      case "POST /api/candidates":
        return this.#postCandidate(body);
      case "GET /api/sources/:id/annotations":
        return this.annotations.filter((annotation) => annotation["obj_id"] === id);
      case "POST /api/sources/:id/annotations":
        return this.#postAnnotation(id, body);
      case "PUT /api/sources/:id/annotations/:n":
        return this.#putAnnotation(last, body);
      case "GET /api/sources/:id/groups":
        return [...found(this.sources.get(id))].map((group) => ({ id: group }));
      case "PUT /api/photometry":
        return this.#putPhotometry(body);
      case "POST /api/thumbnail":
        return this.#postThumbnail(body);
      case "POST /api/sources":
        return this.#postSource(body);
      case "POST /api/sources/:id/comments":
        return this.#postComment(id, body);
      case "GET /api/followup_request":
        return { followup_requests: this.followups.filter((one) => one["obj_id"] === query.get("sourceID")) };
      case "POST /api/followup_request":
        return this.#postFollowup(body);
      case "PUT /api/followup_request/:n":
        return this.#putFollowup(last, body);
      default:
        throw new Violation(`there is no ${call}`, 404);
    }
  }

  #isObject(id: unknown): boolean {
    return this.candidates.some((candidate) => candidate["id"] === id) || this.sources.has(String(id));
  }

  #postCandidate(body: Json): unknown {
    const { id, ra, dec, score, filter_ids, passing_alert_id, passed_at } = body;
    check(typeof id === "string" && id !== "", "id");
    check(within(ra, 0, 360) && within(dec, -90, 90) && within(score, 0, 1), "ra, dec, score");
    check(Number.isInteger(passing_alert_id), "passing_alert_id");
    check(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/.test(String(passed_at)), "passed_at");
    const filters = numbers(filter_ids);
    const known = GROUPS.flatMap((group) => group.filters.map((filter) => filter.id));
    check(filters.length > 0 && filters.every((filter) => known.includes(filter)), "filter_ids");
    for (const filter of filters) {
      const isKnown = this.candidates.some(
        (one) =>
          one["id"] === id && one["passed_at"] === passed_at && numbers(one["filter_ids"]).includes(filter),
      );
      if (isKnown)
        throw new Refusal(
          `Failed to post candidate for object ${String(id)}: duplicate key value violates unique constraint`,
        );
    }
    this.candidates.push(body);
    return { ids: filters };
  }

  #postAnnotation(id: string, body: Json): unknown {
    const { obj_id, origin, data, group_ids } = body;
    check(obj_id === id && this.#isObject(id), "obj_id");
    check(/^\w+/.test(String(origin)), "origin");
    check(typeof data === "object" && data !== null && Object.keys(data).length > 0, "data");
    this.#checkGroups(group_ids);
    if (this.annotations.some((other) => other["obj_id"] === id && other["origin"] === origin)) {
      throw new Refusal(`Annotation with origin ${String(origin)} already exists`);
    }
    const annotation = { ...body, id: this.annotations.length + 1, author_id: 9 };
    this.annotations.push(annotation);
    return { annotation_id: annotation.id };
  }

  #putAnnotation(number: number, body: Json): unknown {
    const index = this.annotations.findIndex((annotation) => annotation["id"] === number);
    const annotation = this.annotations[index];
    check(annotation !== undefined && annotation["origin"] === body["origin"], "annotation");
    check(body["author_id"] === 9 && body["obj_id"] === annotation?.["obj_id"], "author_id, obj_id");
    this.#checkGroups(body["group_ids"]);
    this.annotations[index] = { ...annotation, ...body };
    return {};
  }

  #putPhotometry(body: Json): unknown {
    const { obj_id, stream_ids, instrument_id, group_ids } = body;
    check(this.#isObject(obj_id), "obj_id");
    check(instrument_id === 7 && group_ids === undefined, "instrument_id, group_ids");
    check(
      numbers(stream_ids).length === 1 && numbers(stream_ids).every((id) => within(id, 1, 3)),
      "stream_ids",
    );
    const columns = ["mjd", "flux", "fluxerr", "zp", "magsys", "filter", "ra", "dec", "origin"].map(
      (name) => {
        const column = body[name];
        check(Array.isArray(column) && column.length > 0, name);
        return column as unknown[];
      },
    );
    const [
      mjd = [],
      flux = [],
      fluxerr = [],
      zp = [],
      magsys = [],
      filter = [],
      ra = [],
      dec = [],
      origin = [],
    ] = columns;
    check(
      columns.every((column) => column.length === mjd.length),
      "columns of one length",
    );
    const known = this.photometry.get(String(obj_id)) ?? new Set<string>();
    this.photometry.set(String(obj_id), known);
    for (let i = 0; i < mjd.length; i++) {
      check(
        within(mjd[i], 40_000, 100_000) && within(zp[i], 10, 40) && magsys[i] === "ab",
        "mjd, zp, magsys",
      );
      check(flux[i] === null || typeof flux[i] === "number", "flux");
      check(within(fluxerr[i], 0, 1e9), "fluxerr");
      check(BANDS.has(String(filter[i])), "filter");
      check((ra[i] === null) === (dec[i] === null), "ra, dec");
      known.add(`${String(mjd[i])}/${String(filter[i])}/${String(origin[i])}`);
    }
    return { ids: mjd.map((_, n) => n) };
  }

  #postThumbnail(body: Json): unknown {
    const { obj_id, data, ttype } = body;
    check(this.#isObject(obj_id), "obj_id");
    check(["new", "ref", "sub"].includes(String(ttype)), "ttype");
    const png = Buffer.from(String(data), "base64");
    check(png.subarray(1, 4).toString() === "PNG", "data: a PNG");
    const sides = [png.readUInt32BE(16), png.readUInt32BE(20)];
    check(
      sides.every((side) => within(side, 16, 500)),
      "thumbnail of 16 to 500 pixels",
    );
    this.thumbnails.push(body);
    return { id: this.thumbnails.length };
  }

  #postSource(body: Json): unknown {
    const { id, group_ids, ignore_if_in_group_ids = {}, saver_per_group_id = {} } = body;
    check(this.#isObject(id), "id");
    this.#checkGroups(group_ids);
    const ignored = ignore_if_in_group_ids as Record<string, number[]>;
    for (const key of [...Object.keys(ignored), ...Object.keys(saver_per_group_id as Json)]) {
      check(numbers(group_ids).includes(Number(key)), "keys are groups");
    }
    const groups = this.sources.get(String(id)) ?? new Set<number>();
    const saved = numbers(group_ids).filter(
      (group) => !(ignored[group] ?? []).some((other) => groups.has(other)),
    );
    for (const group of saved) groups.add(group);
    if (groups.size > 0) this.sources.set(String(id), groups);
    return { id, saved_to_groups: saved };
  }

  #postComment(id: string, body: Json): unknown {
    check(this.sources.has(id), "obj_id");
    check(typeof body["text"] === "string" && body["text"] !== "", "text");
    this.#checkGroups(body["group_ids"]);
    this.comments.push({ ...body, obj_id: id });
    return { comment_id: this.comments.length };
  }

  #postFollowup(body: Json): unknown {
    const { obj_id, allocation_id, payload, target_group_ids, source_group_ids } = body;
    check(this.#isObject(obj_id), "obj_id");
    check(ALLOCATIONS.includes(Number(allocation_id)), "allocation_id");
    check(typeof payload === "object" && payload !== null, "payload");
    this.#checkGroups(target_group_ids);
    const groups = this.sources.get(String(obj_id)) ?? new Set();
    if (!numbers(source_group_ids).every((group) => groups.has(group))) {
      throw new Refusal(
        "There is no source for one or more of the source_group_ids, not submitting request.",
      );
    }
    const id = this.followups.length + 1;
    this.followups.push({
      id,
      obj_id,
      allocation: { id: allocation_id },
      target_groups: numbers(target_group_ids).map((group) => ({ id: group })),
      payload,
      status: "submitted",
      modified: new Date().toISOString().slice(0, -1),
      posted: body,
    });
    return { id };
  }

  #putFollowup(number: number, body: Json): unknown {
    const request = this.followups.find((one) => one["id"] === number);
    check(request !== undefined && request["obj_id"] === body["obj_id"], "request, obj_id");
    check(ALLOCATIONS.includes(Number(body["allocation_id"])), "allocation_id");
    if (request !== undefined) request["payload"] = body["payload"];
    return {};
  }

  #checkGroups(ids: unknown): void {
    const groups = numbers(ids);
    const known = GROUPS.map(({ id }) => id);
    check(groups.length > 0 && groups.every((group) => known.includes(group)), "group_ids");
  }
}

function check(condition: boolean, what: string): void {
  if (!condition) throw new Violation(`Invalid/missing parameters: ${what}`);
}

function found<T>(value: T | undefined, status = 403): T {
  if (value === undefined) throw new Refusal("not found", status);
  return value;
}

function within(value: unknown, low: number, high: number): boolean {
  return typeof value === "number" && value >= low && value <= high;
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
