/** Runs a case on our engine. */
import {
  type CollectionReader,
  compileMatchNode,
  compilePipeline,
  compileProjection,
  Deadline,
  type Document,
  nearestAt,
  nearOf,
  parseMatch,
  parsePipeline,
  parseSort,
  QueryError,
  sortDocuments,
} from "../../../src/query/index.ts";
import type { Case, FindQuery, Outcome } from "./cases.ts";

/** No case may take longer; a hang would be a difference. */
const TIME_LIMIT_MS = 2_000;

/** Our answer. Errors other than QueryErrors are bugs and pass through. */
export function runOnEngine({ query, documents, other }: Omit<Case, "indexed">): Outcome {
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

function find(query: FindQuery, documents: readonly Document[]): Document[] {
  const { filter, projection, sort, skip = 0, limit } = query;
  const node = parseMatch(filter);
  const order = sort === undefined ? undefined : parseSort(sort);
  const project = compileProjection(projection ?? {}, { filter: node });
  const near = nearOf(node);
  const found = documents.filter(compileMatchNode(node));
  const distanceOf = (document: Document) =>
    near === undefined ? 0 : (nearestAt(near.near, document, near.parts)?.distance ?? 0);
  const sorted =
    order === undefined ? found.sort((a, b) => distanceOf(a) - distanceOf(b)) : sortDocuments(found, order);
  return sorted.slice(skip, limit === undefined ? undefined : skip + limit).map(project);
}
