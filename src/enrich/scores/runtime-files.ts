/**
 * Where the ONNX Runtime's files are: here, those of the installed packages. The build puts another module in
 * this one's place, which has them inside the executable (see `scripts/runtime-files.ts`).
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file of the executable, packed with zstd. */
export interface PackedFile {
  readonly name: string;
  /** Of the unpacked file, in hexadecimal. */
  readonly sha256: string;
  /** Where the packed file is read from. */
  readonly path: string;
}

/** The native library: ready as a file beside what it needs, packed, or not to be had for this machine. */
export type NativeFiles =
  | { readonly kind: "ready"; readonly binding: string }
  | { readonly kind: "packed"; readonly files: readonly PackedFile[] }
  | { readonly kind: "none"; readonly why: string };

export const BINDING = "onnxruntime_binding.node";

export function nativeFiles(): NativeFiles {
  const platform = `${process.platform}/${process.arch}`;
  const binding = join(packageFolder("onnxruntime-node"), "bin", "napi-v6", platform, BINDING);
  return existsSync(binding)
    ? { kind: "ready", binding }
    : { kind: "none", why: `there is no native ONNX Runtime for ${platform}` };
}

/** The WebAssembly module. */
export async function wasmBinary(): Promise<Uint8Array> {
  const file = join(packageFolder("onnxruntime-web"), "dist", "ort-wasm-simd-threaded.wasm");
  return new Uint8Array(await Bun.file(file).arrayBuffer());
}

function packageFolder(name: string): string {
  return dirname(dirname(Bun.resolveSync(name, import.meta.dir)));
}
