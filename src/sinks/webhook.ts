/** Matches as HTTP requests to an address of the receiver's own, signed so that it can tell who sent them. */
import { createHmac } from "node:crypto";
import { type FilterChoice, isChosen } from "./choice.ts";
import { exchange, requireSuccess } from "./http.ts";
import { matchMessage } from "./message.ts";
import type { OutboxItem } from "./outbox.ts";
import type { Delivery, Sink } from "./sink.ts";

export interface WebhookOptions {
  readonly name: string;
  readonly url: string;
  /** Key of the signature; without one requests are not signed. */
  readonly secret?: string;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly choice: FilterChoice;
  readonly userAgent: string;
}

export function openWebhook(options: WebhookOptions): Sink {
  const { name, url, timeoutMs, concurrency, choice } = options;
  const headersFor = (body: string, id?: string) => ({
    "content-type": "application/json; charset=utf-8",
    "user-agent": options.userAgent,
    ...(id === undefined ? {} : { "idempotency-key": id }),
    ...(options.secret === undefined ? {} : { "x-kowalski-signature": signature(options.secret, body) }),
  });
  return {
    name,
    takes: "matches",
    concurrency,
    wants: (item: OutboxItem) => isChosen(choice, item),
    async deliver({ items: [item] }: Delivery, signal) {
      const body = matchMessage(item);
      if (body === undefined) return;
      const request = { method: "POST", url, headers: headersFor(body, item.id), body, timeoutMs } as const;
      requireSuccess(await exchange(request, signal), new URL(url).host);
    },
    async check(signal) {
      const request = { method: "HEAD", url, headers: headersFor(""), timeoutMs } as const;
      const { status } = await exchange(request, signal);
      if (status >= 500) throw new Error(`${url}: answers ${status}`);
      return `${url} answers${options.secret === undefined ? "; requests are not signed: set secret" : ""}`;
    },
    close: async () => {},
  };
}

/**
 * `t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>` with the secret. The time is part of it so
 * that a receiver can refuse old requests that somebody sends again.
 */
export function signature(secret: string, body: string, seconds = Math.floor(Date.now() / 1000)): string {
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}
