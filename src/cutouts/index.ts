/** Image stamps: read and drawn. What other rooms import. */
export { CutoutError, readStamp, type StampImage } from "./fits.ts";
export { type Stretch, thumbnailPng } from "./thumbnail.ts";
