/** `find`, `find_one`, `count_documents`, `estimated_document_count`. */
import { queryFilter, refuseExplain, visibleFilter } from "../visibility.ts";
import {
  catalogOf,
  DONE,
  documentField,
  filterOf,
  findOptions,
  flagOption,
  type QueryType,
} from "./request.ts";

export const find: QueryType = {
  name: "find",
  explains: true,
  summary:
    "documents of a catalogue that match a `filter`, as the `projection` shows them; `kwargs.explain` tells the index that served it instead",
  async run(query, kwargs, context) {
    const collection = catalogOf(query);
    const filter = queryFilter(context, collection, filterOf(query));
    const projection = documentField(query, "projection");
    const request = {
      collection,
      filter,
      ...(projection === undefined ? {} : { projection }),
      ...findOptions(kwargs, context),
    };
    if (flagOption(kwargs, "explain") !== true) {
      return { message: DONE, items: context.store.find(request).json() };
    }
    refuseExplain(context.user, [collection]);
    return { message: DONE, data: { ...(await context.store.explainFind(request)) } };
  },
};

export const findOne: QueryType = {
  name: "find_one",
  summary: "the first such document; no `data` when there is none",
  async run(query, kwargs, context) {
    const collection = catalogOf(query);
    const filter = queryFilter(context, collection, filterOf(query));
    const projection = documentField(query, "projection");
    const document = await context.store.findOne({
      collection,
      filter,
      ...(projection === undefined ? {} : { projection }),
      ...findOptions(kwargs, context),
    });
    return { message: DONE, ...(document === undefined ? {} : { data: document }) };
  },
};

export const countDocuments: QueryType = {
  name: "count_documents",
  summary: "how many documents match a filter",
  async run(query, kwargs, context) {
    const collection = catalogOf(query);
    const filter = queryFilter(context, collection, filterOf(query));
    const { sort: _, ...options } = findOptions(kwargs, context);
    return { message: DONE, data: await context.store.count({ collection, filter, ...options }) };
  },
};

export const estimatedDocumentCount: QueryType = {
  name: "estimated_document_count",
  summary: "about how many documents a catalogue holds, from its metadata",
  async run(query, kwargs, context) {
    const collection = catalogOf(query);
    const filter = visibleFilter(context.user, collection, {});
    // Who may not see all alerts is told how many are visible.
    const isRestricted = Object.keys(filter).length > 0;
    const { maxTimeMs, comment } = findOptions(kwargs, context);
    const count = isRestricted
      ? await context.store.count({ collection, filter, maxTimeMs, comment })
      : await context.store.estimatedCount(collection);
    return { message: DONE, data: count };
  },
};
