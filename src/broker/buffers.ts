/** Memory of packets, given back at once: the garbage collector sees small objects only and takes its time. */

/** Frees a buffer that nobody uses any more. */
export function release(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
