/** Memory for many small pieces of bytes, which travels between threads as a few large buffers. */

/** A buffer of its own for every piece would cost more than what is written into it. */
const BUFFER_BYTES = 1024 * 1024;

export class Arena {
  private current = new Uint8Array(0);
  private used = 0;
  private full: ArrayBuffer[] = [];

  /** Keeps a copy of `bytes`; answers a view of it. */
  keep(bytes: Uint8Array): Uint8Array {
    if (this.used + bytes.length > this.current.length) {
      this.set();
      this.current = new Uint8Array(Math.max(BUFFER_BYTES, bytes.length));
    }
    const view = this.current.subarray(this.used, this.used + bytes.length);
    view.set(bytes);
    this.used += bytes.length;
    return view;
  }

  /** Gives away the buffers of all that was kept since the last call. */
  take(): ArrayBuffer[] {
    this.set();
    const { full } = this;
    this.full = [];
    return full;
  }

  /** Puts the current buffer to those that are full. */
  private set(): void {
    if (this.used > 0) this.full.push(this.current.buffer as ArrayBuffer);
    this.current = new Uint8Array(0);
    this.used = 0;
  }
}
