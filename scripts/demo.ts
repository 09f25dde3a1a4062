/** `npx bun run demo`: installs what is missing, then runs `kowalski demo` from source. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { dependencies } from "../package.json";

const ROOT = join(import.meta.dir, "..");

if (Object.keys(dependencies).some((name) => !existsSync(join(ROOT, "node_modules", name)))) {
  console.log("Installing dependencies…");
  const install = Bun.spawn([process.execPath, "install", "--frozen-lockfile"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "inherit",
  });
  if ((await install.exited) !== 0) process.exit(1);
}

const demo = Bun.spawn([process.execPath, join(ROOT, "src", "main.ts"), "demo", ...process.argv.slice(2)], {
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
});
// Ctrl-C reaches both from the terminal; other signals only this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => demo.kill(signal));
process.exit(await demo.exited);
