/** Talks to SkyPortal's API: credentials, time limits, its envelope, and what its refusals mean. */
import { type Document, isDocument, parseJson, type Value } from "../../query/index.ts";
import { exchange, type Request, requireSuccess } from "../http.ts";
import { plainJson } from "../message.ts";

export interface ClientOptions {
  /** `https://fritz.science` */
  readonly address: string;
  readonly token: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
}

/** In SkyPortal 403 and 404 speak of a group or an object; these of the token or the moment. */
const LATER: ReadonlySet<number> = new Set([401, 405, 408, 421, 425, 429]);
/** Photometry and follow-up requests are worked on before they are answered: this many times the usual limit. */
const SLOW_FACTOR = 3;

export interface CallOptions {
  readonly body?: unknown;
  readonly signal: AbortSignal;
  readonly slow?: boolean;
  /** Tells the receiver, and whoever reads its log, that a call came twice. */
  readonly key?: string;
}

export class SkyPortalClient {
  constructor(readonly options: ClientOptions) {}

  /** The `data` of a successful answer. Throws `RefusedError` or `UnavailableError`. */
  async call(method: Request["method"], path: string, options: CallOptions): Promise<Value> {
    const answer = await exchange(this.#request(method, path, options), options.signal);
    requireSuccess(answer, `${method} ${path.replace(/\?.*/, "")}`, LATER);
    const envelope = parseJson(answer.text);
    return isDocument(envelope) ? (envelope["data"] ?? null) : null;
  }

  /** Whether the resource exists for this token. Throws `UnavailableError`. */
  async exists(path: string, signal: AbortSignal): Promise<boolean> {
    const answer = await exchange(this.#request("HEAD", path, { signal }), signal);
    // SkyPortal says 404 for what is not there, older versions 400.
    if (answer.status === 404 || answer.status === 400) return false;
    requireSuccess(answer, `HEAD ${path}`);
    return true;
  }

  #request(method: Request["method"], path: string, { body, slow, key }: CallOptions): Request {
    const { address, token, userAgent, timeoutMs } = this.options;
    return {
      method,
      url: address + path,
      headers: {
        authorization: `token ${token}`,
        "user-agent": userAgent,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body: plainJson(body) }),
      timeoutMs: slow === true ? timeoutMs * SLOW_FACTOR : timeoutMs,
    };
  }
}

/** The documents of a list, whatever else is in it. */
export function documentsOf(value: Value | undefined): Document[] {
  return Array.isArray(value) ? value.filter(isDocument) : [];
}

/** The whole numbers of a list. */
export function integersOf(value: Value | undefined): number[] {
  return Array.isArray(value) ? value.map(Number).filter(Number.isInteger) : [];
}
