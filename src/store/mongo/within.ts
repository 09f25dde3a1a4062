/** Finding within cells of the sky: the server looks within discs round them, exactly is looked at here. */
import type { Db } from "mongodb";
import {
  compileMatchNode,
  compileProjection,
  type Document,
  parseMatch,
  printJson,
} from "../../query/index.ts";
import { CellSet, cellCentre, cellRadius, DEGREES_PER_RADIAN } from "../../sky/index.ts";
import { POSITION_PATH, positionOf } from "../catalog-reader.ts";
import type { DocumentStream, FindRequest } from "../store.ts";
import { CursorStream, findCursor } from "./find.ts";

/** Discs that the server is given at most. */
const MOST_DISCS = 64;
/** A region of more than this share of the sky is read whole. */
const WIDEST_SHARE = 0.5;

/** A find whose documents lie in the cells of `request.within`. */
export class WithinStream implements DocumentStream {
  constructor(
    readonly db: Db,
    readonly request: FindRequest & { readonly within: Uint8Array },
  ) {}

  async *documents(): AsyncGenerator<Document> {
    const { within, projection, skip = 0, limit = 0, filter, ...rest } = this.request;
    const node = parseMatch(filter, "filter");
    compileMatchNode(node);
    const project = projection === undefined ? undefined : compileProjection(projection, { filter: node });
    const cells = CellSet.fromBytes(within);
    const asked: FindRequest = { ...rest, filter: near(cells, filter) };
    let index = 0;
    for await (const document of new CursorStream(() => findCursor(this.db, asked, true)).documents()) {
      const position = positionOf(document);
      if (position === undefined || !cells.contains(position[0] + 180, position[1])) continue;
      if (index++ >= skip) yield project === undefined ? document : project(document);
      if (limit > 0 && index >= skip + limit) return;
    }
  }

  async *json(): AsyncGenerator<string> {
    let separator = "";
    for await (const document of this.documents()) {
      yield separator + printJson(document);
      separator = ",";
    }
  }
}

/** The filter, narrowed to discs that hold the cells. */
function near(cells: CellSet, filter: Document): Document {
  if (cells.share > WIDEST_SHARE) return filter;
  let coarse = cells;
  let discs = [...coarse.cells()];
  while (discs.length > MOST_DISCS && coarse.order > 0) {
    coarse = cells.at(coarse.order - 1);
    discs = [...coarse.cells()];
  }
  if (discs.length === 0) return { $and: [{ _id: { $in: [] } }, filter] };
  return { $or: discs.map(([order, cell]) => ({ $and: [disc(order, cell), filter] })) };
}

function disc(order: number, cell: number): Document {
  const [x, y, z] = cellCentre(order, cell);
  const ra = Math.atan2(y, x) * DEGREES_PER_RADIAN;
  const centre = [ra > 0 ? ra - 180 : ra + 180, Math.atan2(z, Math.hypot(x, y)) * DEGREES_PER_RADIAN];
  return {
    [POSITION_PATH]: { $geoWithin: { $centerSphere: [centre, cellRadius(order) * 1.000001 + 1e-9] } },
  };
}
