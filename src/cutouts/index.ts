/** Image stamps: read and drawn. What other rooms import. */
export { COLOR_MAPS, type ColorMap } from "./colors.ts";
export { Drawing } from "./drawing.ts";
export { CutoutError, type Pixels, readStamp, releaseStamp, type StampImage, unpackStamp } from "./fits.ts";
export {
  drawStamps,
  type PictureOptions,
  type PictureStamp,
  THUMBNAIL_SIZE,
} from "./picture.ts";
export { INTERVALS, type Interval, STRETCHES, type Stretch } from "./scaling.ts";
export { readCutouts, type StoredStamp, stampsOf } from "./stored.ts";
