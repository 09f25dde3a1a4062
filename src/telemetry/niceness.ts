/** How threads of one process give way to each other. */
import os from "node:os";

/**
 * Makes the calling thread give way to those of a smaller niceness (0 to 19). Never less nice than it is: a process that
 * was started nice may not take that back, and where a system allows nothing at all, work goes on as it is.
 */
export function giveWay(niceness: number): void {
  try {
    if (os.getPriority(0) < niceness) os.setPriority(0, niceness);
  } catch {
    // A sandbox may forbid both. Priorities are a courtesy, no work may fail for them.
  }
}
