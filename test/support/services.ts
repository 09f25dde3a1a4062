/** What a test does when a service it needs cannot be had on this machine. */

/**
 * Answers whether to skip because `service` is missing, with a word on stderr. Where `CI` is set a skip would
 * hide that nothing was tested, so there it throws.
 */
export function skipOrFail(service: string, found: unknown, reason: string): boolean {
  if (found !== undefined && found !== false) return false;
  if (process.env["CI"] === "true") throw new Error(`${service} is needed where CI=true, but ${reason}`);
  process.stderr.write(`skipped: ${service} is missing (${reason})\n`);
  return true;
}
