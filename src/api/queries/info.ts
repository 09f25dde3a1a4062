/** `info`: what catalogues there are, and what is known of them. */
import type { Document } from "../../query/index.ts";
import { type IndexDescription, SYSTEM_COLLECTIONS } from "../../store/index.ts";
import { badRequest, forbidden } from "../errors.ts";
import { programsBySurvey, refuseSystemCollection, visibleFilter } from "../visibility.ts";
import { catalogOf, DONE, type QueryContext, type QueryType } from "./request.ts";

type Info = (query: Document, context: QueryContext) => Promise<Document | string[]>;

const COMMANDS: Readonly<Record<string, Info>> = {
  /** Newest names first, as clients are used to: in reverse order of the alphabet. */
  async catalog_names(_, { store }) {
    const names = await store.collectionNames();
    return names
      .filter((name) => !SYSTEM_COLLECTIONS.has(name))
      .sort()
      .reverse();
  },
  async catalog_info(query, context) {
    const name = checkedCatalog(query, context);
    const known = await context.store.describeCollection(name);
    const { documents = 0, bytes = 0, indexes = [] } = known ?? {};
    const mean = documents === 0 ? 0 : bytes / documents;
    const count = await visibleCount(name, documents, context);
    const size = Math.round(count * mean);
    return {
      ns: name,
      count,
      size,
      avgObjSize: Math.round(mean),
      storageSize: size,
      nindexes: indexes.length,
    };
  },
  async index_info(query, context) {
    const known = await context.store.describeCollection(checkedCatalog(query, context));
    return Object.fromEntries((known?.indexes ?? []).map((index) => [index.name, indexInfo(index)]));
  },
  async db_info(_, { store, user }) {
    if (Object.keys(programsBySurvey(user)).length > 0) {
      throw forbidden("db_info counts alerts that you may not see: ask catalog_info of a catalogue");
    }
    const { collections, documents, bytes } = await store.describeDatabase();
    return { db: "kowalski", collections, objects: documents, dataSize: bytes, storageSize: bytes };
  },
};

export const info: QueryType = {
  name: "info",
  summary: "`command`: catalog_names, catalog_info, index_info or db_info",
  async run(query, _, context) {
    const { command } = query;
    const answer =
      typeof command === "string" && Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
    if (answer === undefined) {
      throw badRequest(`query.command: expected one of ${Object.keys(COMMANDS).join(", ")}`);
    }
    return { message: DONE, data: await answer(query, context) };
  },
};

/** How many documents the user may see; `all` of them where the user sees all. Throws `HttpError` 403. */
async function visibleCount(collection: string, all: number, context: QueryContext): Promise<number> {
  const { store, user, maxTimeMs } = context;
  const filter = visibleFilter(user, collection, {});
  return Object.keys(filter).length === 0
    ? all
    : store.count({ collection, filter, maxTimeMs, comment: user.name });
}

function checkedCatalog(query: Document, { user }: QueryContext): string {
  const name = catalogOf(query);
  refuseSystemCollection(user, name);
  return name;
}

function indexInfo({ keys, unique }: IndexDescription): Document {
  return { v: 2, key: keys.map(([path, kind]) => [path, kind]), ...(unique ? { unique: true } : {}) };
}
