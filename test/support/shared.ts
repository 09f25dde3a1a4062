/** Finds the real packets, catalogues and reference values that lie beside a development checkout. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The folder `../shared` beside the checkout, or `undefined` in a clone without it. */
export function sharedDir(): string | undefined {
  const folder = join(import.meta.dir, "..", "..", "..", "shared");
  return existsSync(join(folder, "data")) ? folder : undefined;
}

/** A path below `../shared`; throws in a clone without it, so ask `sharedDir` first. */
export function sharedPath(...parts: string[]): string {
  const folder = sharedDir();
  if (folder === undefined) throw new Error("the shared test data is not beside this checkout");
  return join(folder, ...parts);
}
