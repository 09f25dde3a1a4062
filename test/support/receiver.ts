/** An HTTP server that receives matches, remembers what came, and fails at will. */

export interface Received {
  readonly key: string;
  readonly body: Record<string, unknown>;
  readonly text: string;
  readonly headers: Headers;
  /** When it came, `performance.now()`. */
  readonly at: number;
  readonly status: number;
}

/** What to answer; `hang` answers nothing. */
export type Behaviour = (request: { key: string; attempt: number }) => Response | "hang";

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Those that were answered with success, in their order. */
  accepted(): Received[];
  behave(behaviour: Behaviour): void;
  stop(): Promise<void>;
}

const good: Behaviour = () => new Response("ok");

/** Listens on a free port of the loopback, or on `port`. */
export function startReceiver(behaviour: Behaviour = good, port = 0): Receiver {
  const received: Received[] = [];
  const attempts = new Map<string, number>();
  let behave = behaviour;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    async fetch(request) {
      const text = await request.text();
      const key = request.headers.get("idempotency-key") ?? "";
      const attempt = (attempts.get(key) ?? 0) + 1;
      attempts.set(key, attempt);
      const answer = behave({ key, attempt });
      const status = answer === "hang" ? 0 : answer.status;
      const body = text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
      received.push({ key, body, text, headers: request.headers, at: performance.now(), status });
      return answer === "hang" ? await new Promise<Response>(() => {}) : answer;
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}/matches`,
    received,
    accepted: () => received.filter(({ status }) => status >= 200 && status < 300),
    behave(next) {
      behave = next;
    },
    stop: () => server.stop(true),
  };
}
