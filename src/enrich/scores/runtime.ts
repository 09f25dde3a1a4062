/** Which ONNX Runtime runs the networks of this process: the native one where it can be loaded. */
import { join } from "node:path";
import { BINDING, nativeFiles } from "./runtime-files.ts";
import type { Runtime } from "./session.ts";
import { unpack } from "./unpack.ts";

/** A choice made once for the process, for its threads to follow. */
export type RuntimeChoice =
  | { readonly kind: "native"; readonly binding: string }
  /** `why`: what keeps the native one from being used. */
  | { readonly kind: "webassembly"; readonly why: string };

/** Tries the native library, unpacked into the first of `caches` that can hold it. */
export async function chooseRuntime(caches: readonly string[]): Promise<RuntimeChoice> {
  const native = nativeFiles();
  if (native.kind === "none") return { kind: "webassembly", why: native.why };
  const { openNative } = await import("./native.ts");
  const places: (() => string)[] =
    native.kind === "ready"
      ? [() => native.binding]
      : caches.map((cache) => () => join(unpack(native.files, cache), BINDING));
  const reasons = new Set<string>();
  for (const place of places) {
    try {
      const binding = place();
      openNative(binding);
      return { kind: "native", binding };
    } catch (error) {
      reasons.add(error instanceof Error ? error.message : String(error));
    }
  }
  return { kind: "webassembly", why: [...reasons].join("; ") };
}

/** Opens the chosen runtime on this thread. */
export async function openRuntime(choice: RuntimeChoice): Promise<Runtime> {
  if (choice.kind === "native") return (await import("./native.ts")).openNative(choice.binding);
  return (await import("./webassembly.ts")).openWebAssembly();
}
