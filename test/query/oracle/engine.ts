/** Runs a case on our engine. */
import {
  type CollectionReader,
  compileMatchNode,
  compilePipeline,
  compileProjection,
  Deadline,
  type Document,
  nearOf,
  parseMatch,
  parsePipeline,
  parseSort,
  QueryError,
  sortDocuments,
} from "../../../src/query/index.ts";
import type { Case, FindQuery, Outcome } from "./cases.ts";

/** No case may take longer; a hang would be a difference. */
const TIME_LIMIT_MS = 5_000;

/** Our answer. Errors other than QueryErrors are bugs and pass through. */
export function runOnEngine({ query, documents, other }: Case): Outcome {
  try {
    return new Deadline(TIME_LIMIT_MS).run(() => {
      if (query.kind === "find") return { documents: find(query, documents) };
      const lookup: CollectionReader = { read: (name) => (name === "other" ? other : []) };
      const pipeline = compilePipeline(parsePipeline(query.pipeline as Document[]));
      return { documents: [...pipeline.run(documents, { lookup })] };
    });
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    return { error: error.message, refused: error.kind === "unsupported" };
  }
}

function find({ filter, projection, sort }: FindQuery, documents: readonly Document[]): Document[] {
  const node = parseMatch(filter);
  if (nearOf(node) !== undefined) throw new QueryError("unsupported", "filter", "near needs an index");
  const order = sort === undefined ? undefined : parseSort(sort);
  const project = compileProjection(projection ?? {}, { filter: node });
  const found = documents.filter(compileMatchNode(node));
  return (order === undefined ? found : sortDocuments(found, order)).map(project);
}
