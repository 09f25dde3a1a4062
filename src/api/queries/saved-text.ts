/** The text of a saved answer in the store: in parts, because a document is limited in size. */
import type { Store } from "../../store/index.ts";
import { HttpError } from "../errors.ts";

/** Beside the queries, whose list would otherwise be read through all answers; closed to users. */
const ANSWERS = "saved_answers";
/** Characters of one part: at most a quarter of what MongoDB takes in a document. */
const PART_LENGTH = 1_000_000;
const MAX_TIME_MS = 30_000;

const partId = (id: string, part: number) => `${id}/${part}`;

/** Writes a text that comes in pieces; resolves with the number of parts. Throws `HttpError` 413 beyond `maxBytes`. */
export async function writeText(
  store: Store,
  id: string,
  pieces: AsyncIterable<string>,
  maxBytes: number,
): Promise<{ parts: number; bytes: number }> {
  let text = "";
  let parts = 0;
  let bytes = 0;
  const flush = async (part: string) => {
    const document = { _id: partId(id, parts), part_of: id, text: part };
    await store.replace(ANSWERS, document, { upsert: true });
    parts++;
  };
  for await (const piece of pieces) {
    bytes += Buffer.byteLength(piece);
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    text += piece;
    while (text.length >= PART_LENGTH) {
      await flush(text.slice(0, PART_LENGTH));
      text = text.slice(PART_LENGTH);
    }
  }
  if (text !== "") await flush(text);
  return { parts, bytes };
}

const tooLarge = (maxBytes: number) =>
  new HttpError(
    413,
    `the answer is larger than ${maxBytes} bytes (queries.max_saved_bytes): ask for fewer fields with a projection, ` +
      "or for pages: sort by a field that is unique, such as candid, give kwargs.limit, and begin each page behind " +
      'the last one, e.g. {"candid": {"$gt": <last>}}',
  );

/** The text in its parts. Throws when a part is gone. */
export async function* readText(store: Store, id: string, parts: number): AsyncGenerator<string> {
  for (let part = 0; part < parts; part++) {
    const filter = { _id: partId(id, part) };
    const document = await store.findOne({ collection: ANSWERS, filter, maxTimeMs: MAX_TIME_MS });
    const text = document?.["text"];
    if (typeof text !== "string") throw new Error(`part ${part} of the saved answer ${id} is gone`);
    yield text;
  }
}

/** Removes the parts from this one on. */
export async function removeText(store: Store, id: string, from = 0): Promise<void> {
  let part = from;
  while (await store.remove(ANSWERS, partId(id, part))) part++;
}
