/** Cases of the oracle as requests to running servers: queries of the API, and its answers as outcomes. */
import { type Document, parseJson, type Value } from "../../../src/query/index.ts";
import type { Outcome, Query } from "./cases.ts";
import { isListed } from "./refusals.ts";
import { withOther } from "./server.ts";
import { printValue } from "./wire.ts";

/** The collections that a case reads: its own, and the one that it names `other`. */
export interface Places {
  readonly collection: string;
  readonly other: string;
}

/** What a server that is well never answers a query with, whatever is wrong with that query. */
export interface Broken {
  readonly broken: string;
}

/** A server of the API, asked by its administrator. */
export class ServedStore {
  constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  /** The answer to a case, as the query types `find` or `aggregate` give it. */
  async run(query: Query, places: Places): Promise<Outcome | Broken> {
    const { status, text } = await this.#ask(bodyOf(query, places));
    // Documents went out before the one that fails: the connection ends without an end of the answer.
    if (status === 0) return { error: "the answer broke off", refused: false };
    const envelope = parseJson(text) as Document;
    if (status === 200) return { documents: envelope["data"] as Document[] };
    const error = String(envelope["message"]);
    if (status !== 400 && status !== 504) return { broken: `status ${status}: ${error}` };
    return { error, refused: isListed(error) };
  }

  /** How many documents match a filter, or the error. */
  async count(filter: Document, { collection }: Places): Promise<Outcome | Broken> {
    const query = { catalog: collection, filter };
    const { status, text } = await this.#ask({ query_type: "count_documents", query });
    const envelope = parseJson(text) as Document;
    if (status === 200) return { documents: [{ n: envelope["data"] }] };
    const error = String(envelope["message"]);
    return status === 400 ? { error, refused: isListed(error) } : { broken: `status ${status}: ${error}` };
  }

  async #ask(body: Document): Promise<{ status: number; text: string }> {
    const headers = { authorization: `Bearer ${this.token}` };
    const request = { method: "POST", headers, body: printValue(body) };
    try {
      const answer = await fetch(`${this.url}/api/queries`, request);
      return { status: answer.status, text: await answer.text() };
    } catch {
      // Throws where the server is gone.
      await fetch(`${this.url}/health`);
      return { status: 0, text: "" };
    }
  }
}

function bodyOf(query: Query, { collection, other }: Places): Document {
  if (query.kind === "aggregate") {
    const pipeline = withOther(query.pipeline, other) as Value;
    return { query_type: "aggregate", query: { catalog: collection, pipeline } };
  }
  const { filter, projection, sort, skip, limit } = query;
  return {
    query_type: "find",
    query: { catalog: collection, filter, ...(projection && { projection }) },
    kwargs: {
      ...(sort && { sort }),
      ...(skip !== undefined && { skip }),
      ...(limit !== undefined && { limit }),
    },
  };
}
