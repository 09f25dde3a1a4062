/** Draws pictures on a thread of its own, which is there only while pictures are asked for. */
import { CutoutError } from "./fits.ts";
import type { PictureOptions, PictureStamp } from "./picture.ts";

export interface DrawRequest {
  readonly id: number;
  readonly stamps: readonly PictureStamp[];
  readonly options: PictureOptions;
}

export type DrawAnswer =
  | { readonly id: number; readonly png: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly error: string; readonly isCutoutError: boolean };

interface Waiting {
  readonly resolve: (png: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** The thread ends when it had nothing to do for this long, milliseconds. */
const IDLE_MS = 30_000;

export class Drawing {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #idle: Timer | undefined;
  #next = 0;

  /** The stamps side by side as one PNG, see `drawStamps`. Rejects with `CutoutError` for one that is no image. */
  draw(stamps: readonly PictureStamp[], options: PictureOptions): Promise<Uint8Array> {
    clearTimeout(this.#idle);
    this.#worker ??= this.#open();
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#waiting.set(id, { resolve, reject });
    this.#worker.postMessage({ id, stamps, options } satisfies DrawRequest);
    return promise;
  }

  close(): void {
    this.#end(new Error("the server is stopping"));
  }

  #open(): Worker {
    const worker = new Worker(new URL("./drawing-thread.ts", import.meta.url).href, { smol: true });
    worker.onmessage = ({ data }: MessageEvent<DrawAnswer>) => {
      const waiting = this.#waiting.get(data.id);
      this.#waiting.delete(data.id);
      if ("png" in data) waiting?.resolve(data.png);
      else waiting?.reject(data.isCutoutError ? new CutoutError(data.error) : new Error(data.error));
      if (this.#waiting.size > 0) return;
      this.#idle = setTimeout(() => this.#end(), IDLE_MS);
      this.#idle.unref();
    };
    worker.onerror = ({ message }) => this.#end(new Error(`the drawing thread died: ${message}`));
    return worker;
  }

  #end(error?: Error): void {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error ?? new Error("not drawn"));
    this.#waiting.clear();
  }
}
