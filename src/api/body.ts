/** Reads request bodies: bounded in size and depth, with int64 exact. */
import {
  type Document,
  isDocument,
  parseJson,
  parseJsonInPieces,
  QueryError,
  type Value,
} from "../query/index.ts";
import { badRequest, HttpError } from "./errors.ts";
import { inTurns } from "./turns.ts";

/** Deeper nesting than any query needs. */
const MAX_DEPTH = 100;
/** Characters of which reading takes some milliseconds. */
const LONG = 65_536;

/** The JSON object of a request. Throws `HttpError` 400 for anything else and 413 for a body that is too large. */
export async function readBody(request: Request, maxBytes: number): Promise<Document> {
  const text = await readText(request, maxBytes);
  const type = request.headers.get("content-type") ?? "";
  // `curl -d` calls JSON a form when nobody tells it otherwise.
  if (/^application\/x-www-form-urlencoded/i.test(type) && !/^\s*\{/.test(text)) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  if (text.trim() === "") throw badRequest("the request has no body: expected a JSON object");
  let value: Value;
  try {
    const options = { maxDepth: MAX_DEPTH };
    value = await (text.length > LONG ? inTurns(parseJsonInPieces(text, options)) : parseJson(text, options));
  } catch (error) {
    if (error instanceof QueryError) throw badRequest(`the request body is not valid JSON: ${error.message}`);
    throw error;
  }
  if (!isDocument(value)) throw badRequest("the request body must be a JSON object");
  return value;
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () =>
    new HttpError(413, `the request body is larger than ${maxBytes} bytes (server.max_body_bytes)`, {
      connection: "close",
    });
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw badRequest("the request body is not UTF-8 text");
  }
}

/** A field that must be a non-empty string. */
export function requireText(body: Document, field: string): string {
  const value = body[field];
  if (typeof value === "string" && value !== "") return value;
  throw badRequest(value === undefined || value === "" ? `missing ${field}` : `${field}: expected a string`);
}
