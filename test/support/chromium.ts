/** A headless Chromium for tests of pages: the system's, installed from Debian's packages where that is possible. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const STANDARD = "/usr/bin/chromium";
const INSTALL_TIMEOUT_MS = 300_000;

/** Path of a Chromium, installed when missing and we are root on a Debian; or an error that says why there is none. */
export async function chromiumPath(): Promise<string | Error> {
  const named = process.env["KOWALSKI_TEST_CHROMIUM"];
  if (named !== undefined && named !== "") return named;
  if (existsSync(STANDARD)) return STANDARD;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) {
    return new Error(`there is no ${STANDARD}, and it cannot be installed without root and apt-get`);
  }
  const install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium";
  const child = Bun.spawn(["sh", "-c", install], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    timeout: INSTALL_TIMEOUT_MS,
  });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code === 0 && existsSync(STANDARD)) return STANDARD;
  return new Error(`apt-get ended with ${code}: ${errors.trim().slice(-300)}`);
}

/** Starts the browser, without anything that talks to the network by itself. */
export function launchChromium(executablePath: string): Promise<Browser> {
  const quiet = [
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", ...quiet],
  });
}
