/** A Python with packages of the index in it, for tests against what users have. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const CACHE = join(import.meta.dir, "..", "..", ".cache");
/** What astronomers compute with: positions, distances, HEALPix cells and skymaps. */
export const SKY_PACKAGES = [
  "numpy==2.3.5",
  "astropy==7.1.0",
  "healpy==1.18.1",
  "mocpy==0.19.0",
  "cdshealpix==0.7.1",
];
const INSTALL_TIMEOUT_MS = 180_000;

/**
 * Path of a Python with exactly these packages (`name==version`), installed at the first call and kept in
 * `.cache`; or an error that says why there is none.
 */
export async function pythonWith(name: string, packages: readonly string[]): Promise<string | Error> {
  const folder = join(CACHE, `python-${name}`);
  const python = join(folder, "bin", "python");
  const done = join(folder, "installed");
  const wanted = packages.join("\n");
  if (existsSync(done) && (await Bun.file(done).text()) === wanted) return python;
  mkdirSync(CACHE, { recursive: true });
  const partial = mkdtempSync(join(CACHE, "python-new-"));
  try {
    await run(["python3", "-m", "venv", partial]);
    const pip = [
      join(partial, "bin", "python"),
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
    ];
    await run([...pip, ...packages]);
    await Bun.write(join(partial, "installed"), wanted);
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
    return python;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function run(command: string[]): Promise<void> {
  const child = Bun.spawn(command, {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: INSTALL_TIMEOUT_MS,
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0)
    throw new Error(`${command.slice(-3).join(" ")} ended with ${code}: ${errors.trim().slice(-300)}`);
}
