/** Times as clients and packets write them. */

/**
 * Milliseconds since 1970 of a time `YYYY-MM-DDTHH:MM:SS[.f…]`, universal time; undefined for another text, and for a
 * day that its month does not have, which a `Date` takes for one of the next month.
 */
export function dayTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?$/.test(text)) return undefined;
  const time = Date.parse(`${text}Z`);
  const isSame = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text.slice(0, 19));
  return isSame ? time : undefined;
}
