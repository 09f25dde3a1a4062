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
  return new Response(successText(message, data, extra), { headers: COMMON_HEADERS });
}

/** The same as text. */
export function successText(message: string, data?: Value, extra: Document = {}): string {
  const envelope: Document = { status: "success", message, ...extra };
  if (data !== undefined) envelope["data"] = data;
  return printJson(envelope);
}

export function failure(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  extra: Document = {},
): Response {
  return new Response(failureText(message, extra), { status, headers: { ...COMMON_HEADERS, ...headers } });
}

/** An answer whose envelope is the caller's, where clients expect another `status`. */
export function jsonAnswer(status: number, envelope: Document): Response {
  return new Response(printJson(envelope), { status, headers: COMMON_HEADERS });
}

/** The same as text. */
export function failureText(message: string, extra: Document = {}): string {
  return printJson({ status: "error", message, ...extra });
}

/** Text of a successful answer whose `data` is an array: `items` are its elements, comma-separated, in pieces. */
export async function* listPieces(message: string, items: AsyncIterable<string>): AsyncGenerator<string> {
  let head = `{"status":"success","message":${JSON.stringify(message)},"data":[`;
  for await (const piece of items) {
    // Together with the first piece, so that what fails before it fails before anything is sent.
    yield head + piece;
    head = "";
  }
  yield `${head}]}`;
}

/** The same where `data` is any value, whose JSON text comes in pieces. */
export async function* valuePieces(message: string, text: AsyncIterable<string>): AsyncGenerator<string> {
  let head = `{"status":"success","message":${JSON.stringify(message)},"data":`;
  for await (const piece of text) {
    yield head + piece;
    head = "";
  }
  yield `${head}}`;
}

/** So many characters of an answer are held back until it is certain that it will not fail within them. */
const HELD_BACK = 65_536;

/**
 * A successful answer that is sent as it comes. What fails within its first 64 kB fails as a whole; what
 * fails later is told to `onBroken` and breaks the connection off, so that the answer cannot be taken for
 * complete.
 */
export async function streamed(
  pieces: AsyncGenerator<string>,
  onBroken: (error: unknown) => void,
): Promise<Response> {
  const { text, ended } = await beginning(pieces);
  if (ended) return new Response(text, { headers: COMMON_HEADERS });
  const encoder = new TextEncoder();
  let held: string | undefined = text;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = held === undefined ? await pieces.next() : { done: false, value: held };
        held = undefined;
        if (done === true) controller.close();
        else controller.enqueue(encoder.encode(value));
      } catch (error) {
        onBroken(error);
        // Without the error, which the runtime would print in its own way.
        controller.error(undefined);
      }
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
  return new Response(body, { headers: COMMON_HEADERS });
}

/** The first pieces as one text, and whether they are all. */
async function beginning(pieces: AsyncGenerator<string>): Promise<{ text: string; ended: boolean }> {
  const texts: string[] = [];
  for (let length = 0; length < HELD_BACK; ) {
    const { done, value } = await pieces.next();
    if (done === true) return { text: texts.join(""), ended: true };
    texts.push(value);
    length += value.length;
  }
  return { text: texts.join(""), ended: false };
}
