/** The part of snappyjs (which ships no types) that is used here. */
declare module "snappyjs" {
  export function compress(input: Uint8Array): Uint8Array;
}
