/**
 * The ONNX Runtime inside the executable: its native library for the target, where there is one, and its
 * WebAssembly module, packed with zstd.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

const MODULES = join(import.meta.dir, "..", "node_modules");
const NATIVE = join(MODULES, "onnxruntime-node", "bin", "napi-v6");
const WASM = join(MODULES, "onnxruntime-web", "dist", "ort-wasm-simd-threaded.wasm");
/** The highest that takes a second or two; the next ones take half a minute for a tenth. */
const LEVEL = 9;

/** The platforms of onnxruntime-node by target; those of musl and older Macs run WebAssembly. */
const FOLDERS: Readonly<Record<string, string>> = {
  "bun-linux-x64": "linux/x64",
  "bun-linux-arm64": "linux/arm64",
  "bun-darwin-arm64": "darwin/arm64",
};

/** Files of the library, as the binding looks for them beside itself. */
const LIBRARIES = ["libonnxruntime.so.1", "libonnxruntime.1.dylib"];
const BINDING = "onnxruntime_binding.node";

/** Puts the module with packed files in the place of `src/enrich/scores/runtime-files.ts`. */
export function runtimeFiles(target: string | undefined, packedFolder: string): Bun.BunPlugin {
  return {
    name: "ONNX Runtime",
    setup(build) {
      build.onLoad({ filter: /[/\\]src[/\\]enrich[/\\]scores[/\\]runtime-files\.ts$/ }, () => ({
        contents: moduleText(target, packedFolder),
        loader: "ts",
      }));
    },
  };
}

/** The text of the module: the same exports, with files of the executable. */
function moduleText(target: string | undefined, packedFolder: string): string {
  const folder = target === undefined ? `${process.platform}/${process.arch}` : FOLDERS[target];
  const files = folder === undefined ? [] : nativeFiles(folder);
  const packed = [WASM, ...files].map((path) => ({ name: basename(path), ...pack(path, packedFolder) }));
  const imports = packed.map(
    ({ path }, n) => `import f${n} from ${JSON.stringify(path)} with { type: "file" };`,
  );
  const entries = packed.map(
    ({ name, sha256 }, n) => `{ name: ${JSON.stringify(name)}, sha256: "${sha256}", path: f${n} }`,
  );
  const why = `this executable has no native ONNX Runtime for ${target?.replace("bun-", "") ?? folder}`;
  const native =
    files.length === 0
      ? `{ kind: "none", why: ${JSON.stringify(why)} }`
      : `{ kind: "packed", files: [${entries.slice(1).join(", ")}] }`;
  return [
    ...imports,
    `export const BINDING = "${BINDING}";`,
    `export const nativeFiles = () => (${native});`,
    "export const wasmBinary = async () => Bun.zstdDecompressSync(await Bun.file(f0).bytes());",
  ].join("\n");
}

/** Paths of the binding and its library for a platform; none where the package has none. */
function nativeFiles(folder: string): string[] {
  const paths = [BINDING, ...LIBRARIES].map((name) => join(NATIVE, folder, name));
  const found = paths.filter((path) => existsSync(path));
  return found.length === 2 ? found : [];
}

/** Packs a file, once for each content; answers the packed file and the hash of what it holds. */
function pack(path: string, folder: string): { readonly path: string; readonly sha256: string } {
  const bytes = readFileSync(path);
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const packed = join(folder, `${sha256.slice(0, 32)}.zst`);
  if (!existsSync(packed)) {
    mkdirSync(folder, { recursive: true });
    const partial = `${packed}.${process.pid}`;
    writeFileSync(partial, Bun.zstdCompressSync(bytes, { level: LEVEL }));
    renameSync(partial, packed);
  }
  return { path: packed, sha256 };
}
