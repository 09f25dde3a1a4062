/** What travels between the thread that loads and the one that reads files. */
import type { IndexDescription, StoreSettings } from "../store/index.ts";
import type { DecodedPiece, DecodeRequest } from "./decode.ts";

/** How many pieces may be on their way: bounds the memory of whichever side is faster. */
export const CREDITS = 4;

export type DecodeMessage =
  | {
      readonly type: "file";
      readonly request: DecodeRequest;
      readonly settings: StoreSettings;
      readonly indexes: readonly IndexDescription[];
    }
  /** One more piece may be sent. */
  | { readonly type: "credit" };

export type DecodeAnswer =
  | { readonly type: "piece"; readonly piece: DecodedPiece }
  | { readonly type: "end" }
  | { readonly type: "error"; readonly name: string; readonly message: string };
