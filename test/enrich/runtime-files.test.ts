/** What the build puts into executables for other machines in the place of the module that finds installed files. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runtimeFiles } from "../../scripts/runtime-files.ts";
import { openNative } from "../../src/enrich/scores/native.ts";
import { nativeFiles } from "../../src/enrich/scores/runtime-files.ts";
import { unpack } from "../../src/enrich/scores/unpack.ts";
import { temporaryFolder } from "../support/folders.ts";

type Module = typeof import("../../src/enrich/scores/runtime-files.ts");

const ROOT = join(import.meta.dir, "..", "..");

/** The module as an executable for `target` has it. */
async function built(target: string | undefined, folder: string): Promise<Module> {
  const entry = join(ROOT, "src", "enrich", "scores", "runtime-files.ts");
  const outdir = join(folder, target ?? "this");
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    outdir,
    publicPath: `${outdir}/`,
    plugins: [runtimeFiles(target, join(ROOT, "dist", "packed"))],
  });
  const module = outputs.find(({ kind }) => kind === "entry-point");
  if (module === undefined) throw new Error("nothing was built");
  return (await import(module.path)) as Module;
}

describe("an executable", () => {
  test("for musl has the WebAssembly module alone", async () => {
    using folder = temporaryFolder();
    const { nativeFiles: native, wasmBinary } = await built("bun-linux-x64-musl", folder.path);
    const why = "this executable has no native ONNX Runtime for linux-x64-musl";
    expect(native()).toEqual({ kind: "none", why });
    expect(WebAssembly.validate(await wasmBinary())).toBe(true);
  });

  test("for this machine has a native library that can be loaded, where there is one", async () => {
    using folder = temporaryFolder();
    const native = (await built(undefined, folder.path)).nativeFiles();
    expect(native.kind === "none").toBe(nativeFiles().kind === "none");
    if (native.kind !== "packed") return;
    expect(native.files.map(({ name }) => name)).toContain("onnxruntime_binding.node");
    const unpacked = unpack(native.files, join(folder.path, "cache"));
    expect(openNative(join(unpacked, "onnxruntime_binding.node")).kind).toBe("native");
  });
});
