/** Requests to receivers: time limits, and which answers mean later and which never. */
import { RefusedError, UnavailableError } from "./sink.ts";

export interface Request {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Sends a request and reads the whole answer, whatever its status. Throws `UnavailableError` when there is none. */
export async function exchange(request: Request, signal: AbortSignal): Promise<Answer> {
  const { method, url, headers, body, timeoutMs } = request;
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers,
      signal: AbortSignal.any([signal, limit]),
      // Credentials and matches go where the configuration says, nowhere else.
      redirect: "manual",
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    signal.throwIfAborted();
    const { host } = new URL(url);
    if (limit.aborted) throw new UnavailableError(`${host}: no answer within ${timeoutMs} ms`);
    throw new UnavailableError(`${host}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Statuses that say something of the address, the credentials or the moment, not of what was sent. */
const LATER: ReadonlySet<number> = new Set([401, 403, 404, 405, 408, 410, 421, 423, 425, 429]);

/**
 * Throws unless the answer is a success: `RefusedError` when the content is refused, else `UnavailableError`.
 * `later` has the statuses below 500 after which trying again makes sense.
 */
export function requireSuccess(answer: Answer, what: string, later = LATER): void {
  const { status } = answer;
  if (status >= 200 && status < 300) return;
  const message = `${what}: ${status} ${excerpt(answer.text)}`.trimEnd();
  if (status >= 300 && status < 400) {
    const to = answer.headers.get("location") ?? "elsewhere";
    throw new UnavailableError(`${what}: ${status}, redirected to ${to}: configure that address`);
  }
  if (status >= 400 && status < 500 && !later.has(status)) throw new RefusedError(message);
  throw new UnavailableError(message, retryAfterOf(answer.headers));
}

/** What `Retry-After` asks for, in milliseconds: seconds or a date. */
export function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get("retry-after");
  if (value === null) return undefined;
  const seconds = Number(value);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

function excerpt(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, 300);
}
