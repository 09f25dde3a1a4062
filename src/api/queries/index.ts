/** The query types of `POST /api/queries`. Adding one is a file here and a line in the list below. */
import { type Document, isDocument, type Value } from "../../query/index.ts";
import { failureText, listPieces, successText, valuePieces } from "../envelope.ts";
import { badRequest, toHttpError } from "../errors.ts";
import { aggregate } from "./aggregate.ts";
import { coneSearch, near } from "./cones.ts";
import { coordinates } from "./coordinates.ts";
import { drop } from "./drop.ts";
import { countDocuments, estimatedDocumentCount, find, findOne } from "./find.ts";
import { info } from "./info.ts";
import { DONE, flagOption, type QueryAnswer, type QueryContext, type QueryType } from "./request.ts";
import { skymap } from "./skymap.ts";

export type { QueryAnswer, QueryContext, QueryType } from "./request.ts";

export const queryTypes: readonly QueryType[] = [
  find,
  findOne,
  aggregate,
  countDocuments,
  estimatedDocumentCount,
  coneSearch,
  near,
  skymap,
  coordinates,
  info,
  drop,
];

const MOST_QUERIES = 1000;

/** Runs one query for a user. Throws what `toHttpError` understands. */
export async function runQuery(body: Document, context: QueryContext): Promise<QueryAnswer> {
  const { query_type: name, query = {}, kwargs = {} } = body;
  const type = queryTypes.find((candidate) => candidate.name === name);
  if (type === undefined) {
    const known = queryTypes.map((candidate) => candidate.name).join(", ");
    throw badRequest(`query_type: expected one of ${known}`);
  }
  if (!isDocument(query)) throw badRequest("query: expected an object");
  if (kwargs !== null && !isDocument(kwargs)) throw badRequest("kwargs: expected an object");
  if (kwargs !== null && type.explains !== true && flagOption(kwargs, "explain") === true) {
    throw badRequest(
      `kwargs.explain: ${type.name} does not tell how it is served; find and aggregate do, also of regions by $geoWithin`,
    );
  }
  if (kwargs !== null && flagOption(kwargs, "save") === true) return save(body, kwargs, context);
  return type.run(query, kwargs ?? {}, context);
}

/** Runs it in the background and answers where its answer will be. */
async function save(body: Document, kwargs: Document, { saved, user }: QueryContext): Promise<QueryAnswer> {
  if (saved === undefined) throw badRequest("kwargs.save: answers are kept by a server only");
  const id = await saved.add(user, body, kwargs);
  return { message: "query enqueued", data: { query_id: id }, extra: { query_id: id } };
}

/**
 * The envelope that answers the body of `POST /api/queries` as text in pieces: of one query, or of several
 * with an envelope for each. What is wrong with the body as a whole is thrown before the first piece.
 */
export async function* queryPieces(body: Document, context: QueryContext): AsyncGenerator<string> {
  const { queries } = body;
  if (queries === undefined) yield* answerPieces(await runQuery(body, context));
  else yield* listPieces(DONE, answersPieces(queriesOf(queries), context));
}

function answerPieces({ message, data, items, text, extra }: QueryAnswer): AsyncIterable<string> {
  if (text !== undefined) return valuePieces(message, text);
  return items === undefined ? onePiece(successText(message, data, extra)) : listPieces(message, items);
}

async function* onePiece(text: string): AsyncGenerator<string> {
  yield text;
}

function queriesOf(given: Value): Document[] {
  if (!Array.isArray(given)) throw badRequest("queries: expected a list of queries");
  if (given.length > MOST_QUERIES) {
    throw badRequest(`queries: expected at most ${MOST_QUERIES}, got ${given.length}: send them in parts`);
  }
  return given.map((query, index) => {
    if (isDocument(query)) return query;
    throw badRequest(`queries[${index}]: expected an object with query_type, query and kwargs`);
  });
}

/** One after the other; one that fails at its start has an error envelope with its status as `code`. */
async function* answersPieces(queries: readonly Document[], context: QueryContext): AsyncGenerator<string> {
  let separator = "";
  for (const query of queries) {
    let started = false;
    try {
      for await (const piece of answerPieces(await runQuery(query, context))) {
        yield started ? piece : separator + piece;
        started = true;
      }
    } catch (error) {
      const known = toHttpError(error);
      if (started || known === undefined) throw error;
      yield separator + failureText(known.message, { code: known.status });
    }
    separator = ",";
  }
}
