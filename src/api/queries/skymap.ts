/** `skymap`: the documents of a catalogue inside a credible region of an event. */
import { type Document, isDocument } from "../../query/index.ts";
import { badRequest, notFound } from "../errors.ts";
import { findSkymap, regionOf } from "../skymaps/documents.ts";
import { levelOf, readAliases, readDate, readTrigger, textOf } from "../skymaps/request.ts";
import { queryFilter } from "../visibility.ts";
import { catalogOf, DONE, documentField, findOptions, type QueryType } from "./request.ts";

const DEFAULT_LEVEL = 90;

export const skymap: QueryType = {
  name: "skymap",
  summary:
    "documents of a catalogue inside a region of a stored skymap: `skymap` {localization_name, dateobs, trigger_id or " +
    "aliases, contour (90)}, `catalog`, `filter`, `projection`",
  async run(query, kwargs, context) {
    const { skymap: given } = query;
    if (!isDocument(given))
      throw badRequest("query.skymap: expected an object with localization_name and contour");
    const collection = catalogOf(query);
    const filter = queryFilter(context, collection, documentField(query, "filter") ?? {});
    const projection = documentField(query, "projection");
    const level = levelOf(given["contour"] ?? DEFAULT_LEVEL, "query.skymap.contour");
    const region = regionOf(await stored(given, context), level);
    const request = {
      collection,
      filter: "cells" in region ? filter : { $and: [within(region.polygons), filter] },
      ...("cells" in region ? { within: region.cells } : {}),
      ...(projection === undefined ? {} : { projection }),
      ...findOptions(kwargs, context),
    };
    return { message: DONE, items: context.store.find(request).json() };
  },
};

const within = (coordinates: Document[string]): Document => ({
  "coordinates.radec_geojson": {
    $geoWithin: { $geometry: { type: "MultiPolygon", coordinates: coordinates ?? [] } },
  },
});

async function stored(given: Document, { store }: Parameters<QueryType["run"]>[2]): Promise<Document> {
  const { dateobs, trigger_id, triggerid } = given;
  const name = textOf(given["localization_name"], "query.skymap.localization_name");
  const aliases =
    given["aliases"] === undefined || given["aliases"] === null
      ? readAliases(given["alias"], "query.skymap.alias")
      : readAliases(given["aliases"], "query.skymap.aliases");
  const trigger =
    readTrigger(triggerid, "query.skymap.triggerid") ?? readTrigger(trigger_id, "query.skymap.trigger_id");
  const names = {
    ...(dateobs === undefined || dateobs === null
      ? {}
      : { dateobs: readDate(dateobs, "query.skymap.dateobs") }),
    ...(trigger === undefined ? {} : { triggerid: trigger }),
    ...(aliases.length === 0 ? {} : { aliases }),
  };
  if (Object.keys(names).length === 0) {
    throw badRequest("query.skymap: expected dateobs, trigger_id or aliases, at least one of them");
  }
  const found = await findSkymap(store, name, names);
  if (found === undefined) throw notFound("Skymap not found");
  return found;
}
