/** The part of the driver's inside that is used here: documents that are BSON already, as they go over the wire. */
declare module "mongodb/lib/cmap/commands.js" {
  /** The value of a command's field that is sent as a section of its own (OP_MSG, payload type 1). */
  export class DocumentSequence {
    constructor(field: string);
    /** `document` is only for those who listen to commands; `bytes` are sent. */
    push(document: object, bytes: Uint8Array): number;
  }
}
