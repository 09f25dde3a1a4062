/** Memory of a process that a test started. */
import { readFileSync } from "node:fs";

const INTERVAL_MS = 20;

/** Watches a process from now on; `stop` answers its largest resident size in MB, NaN where there is no /proc. */
export function watchMemory(pid: number): { stop(): number } {
  let peak = Number.NaN;
  // The kernel's own mark, which a parent's size does not spoil as it does that of the usual statistics.
  const look = () => {
    const found = Number(/VmHWM:\s+(\d+) kB/.exec(statusOf(pid))?.[1] ?? Number.NaN) / 1000;
    if (found > 0) peak = found;
  };
  const timer = setInterval(look, INTERVAL_MS);
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}
