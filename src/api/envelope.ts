/** Answers: the envelope `{status, message, data}` in JSON that keeps int64 and doubles exact. */
import { type Document, printJson, type Value } from "../query/index.ts";

export const JSON_TYPE = "application/json; charset=utf-8";

/** What every answer carries besides its content. */
const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "content-type": JSON_TYPE,
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
};

/** A successful answer. `data` is left out when undefined, as clients of such brokers expect. */
export function success(message: string, data?: Value, extra: Document = {}): Response {
  const envelope: Document = { status: "success", message, ...extra };
  if (data !== undefined) envelope["data"] = data;
  return new Response(printJson(envelope), { headers: COMMON_HEADERS });
}

export function failure(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  extra: Document = {},
): Response {
  const envelope = printJson({ status: "error", message, ...extra });
  return new Response(envelope, { status, headers: { ...COMMON_HEADERS, ...headers } });
}

/**
 * A successful answer whose `data` is an array that is sent as it comes. What fails before the first piece
 * fails as a whole; what fails later breaks the connection off, so that it cannot be taken for complete.
 */
export async function streamSuccess(message: string, pieces: AsyncIterable<string>): Promise<Response> {
  const iterator = pieces[Symbol.asyncIterator]();
  const first = await iterator.next();
  const encoder = new TextEncoder();
  const head = `{"status":"success","message":${JSON.stringify(message)},"data":[`;
  if (first.done === true) return new Response(`${head}]}`, { headers: COMMON_HEADERS });
  let next: string | undefined = head + first.value;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (next !== undefined) {
        controller.enqueue(encoder.encode(next));
        next = undefined;
        return;
      }
      try {
        const { done, value } = await iterator.next();
        if (done !== true) return controller.enqueue(encoder.encode(value));
        controller.enqueue(encoder.encode("]}"));
        controller.close();
      } catch (error) {
        controller.error(error);
      }
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return new Response(body, { headers: COMMON_HEADERS });
}
