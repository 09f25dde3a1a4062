/** The part of lz4js (which ships no types) that is used here: LZ4 frames. */
declare module "lz4js" {
  export function decompress(input: Uint8Array, maxSize?: number): Uint8Array;
}
