/** The part of `fitsjs` (a reader of FITS files for browsers, without types) that tests use. */
declare module "fitsjs" {
  export interface Fits {
    getHDU(): {
      readonly header: { get(card: string): unknown };
      readonly data: {
        readonly width: number;
        readonly height: number;
        readonly blob: Blob;
        readonly bitpix: number;
        readonly bzero: number;
        readonly bscale: number;
        _getFrame(content: ArrayBuffer, bitpix: number, bzero: number, bscale: number): Float32Array;
      };
    };
  }
  export const astro: { readonly FITS: new (file: Blob, ready: (fits: Fits) => void) => Fits };
}
