/** What a localisation is made of, in short: levels of one skymap must be those of one map. */
import type { SkymapForm } from "./request.ts";
import type { SkymapSource } from "./source.ts";

type Made = Awaited<ReturnType<SkymapForm["source"]>>;

/** A text that is the same for the same localisation only; one for all contours that clients have made themselves. */
export async function fingerprintOf(made: Made): Promise<string> {
  if ("ready" in made) return "contours";
  const { source, hidden } = made;
  const parts = await Promise.all([...partsOf(source), JSON.stringify(hidden ?? null)].map(digest));
  return digest(parts.join(" "));
}

function partsOf(source: SkymapSource): (string | Uint8Array)[] {
  switch (source.kind) {
    case "fits":
      return [source.kind, source.bytes];
    case "cells":
      return [
        source.kind,
        ...[source.uniq, source.densities].map((list) => new Uint8Array(list.slice().buffer)),
      ];
    case "cone":
      // As its name has them: a packet's error may have more digits.
      return [source.kind, ...[source.ra, source.dec, source.error].map((part) => part.toFixed(5))];
    default:
      return [JSON.stringify(source)];
  }
}

async function digest(part: string | Uint8Array): Promise<string> {
  const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
  // Away from this thread: files may be large.
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toHex();
}
