/** The query types of `POST /api/queries`. Adding one is a file here and a line in the list below. */
import { type Document, isDocument } from "../../query/index.ts";
import { badRequest } from "../errors.ts";
import { countDocuments, estimatedDocumentCount, find, findOne } from "./find.ts";
import { info } from "./info.ts";
import type { QueryContext, QueryType } from "./request.ts";

export const queryTypes: readonly QueryType[] = [find, findOne, countDocuments, estimatedDocumentCount, info];

/** Types that clients of such brokers know and that this version does not answer yet. */
const NOT_YET = new Set(["aggregate", "cone_search", "near", "skymap", "drop"]);

/** Runs the body of `POST /api/queries` for a user. Throws what `toHttpError` understands. */
export async function runQuery(body: Document, context: QueryContext): Promise<Response> {
  const { query_type: name, query = {}, kwargs = {} } = body;
  const type = queryTypes.find((candidate) => candidate.name === name);
  if (type === undefined) {
    const known = queryTypes.map((candidate) => candidate.name).join(", ");
    if (typeof name === "string" && NOT_YET.has(name)) {
      throw badRequest(`query_type: ${name} is not available in this version; there are: ${known}`);
    }
    throw badRequest(`query_type: expected one of ${known}`);
  }
  if (!isDocument(query)) throw badRequest("query: expected an object");
  if (kwargs !== null && !isDocument(kwargs)) throw badRequest("kwargs: expected an object");
  return type.run(query, kwargs ?? {}, context);
}
