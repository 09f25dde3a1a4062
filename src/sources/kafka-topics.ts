/** Names of topics as surveys make them: one a night, with the night's date in it. */

/** How many nights back topics are looked for, today included: what is older is read only when it is named. */
const NIGHTS = 7;
const DAY_MS = 86_400_000;

/**
 * Topics of `existing` that a pattern names. `{date}` stands for a night's date (YYYYMMDD, UTC) of the last week
 * or of tomorrow, `*` for any characters, `{1,2,3}` for any of these.
 */
export function topicsOf(pattern: string, existing: readonly string[], now = Date.now()): string[] {
  const dates = Array.from({ length: NIGHTS + 1 }, (_, day) =>
    new Date(now + (1 - day) * DAY_MS).toISOString().slice(0, 10).replaceAll("-", ""),
  );
  const matcher = topicMatcher(pattern, dates);
  return existing.filter((topic) => matcher.test(topic)).sort();
}

function topicMatcher(pattern: string, dates: readonly string[]): RegExp {
  const source = pattern.replace(/\{date\}|\{[^{}]*\}|\*|[^{}*]+|[{}]/g, (part) => {
    if (part === "{date}") return `(?:${dates.join("|")})`;
    if (part === "*") return ".*";
    if (part.startsWith("{") && part.length > 1) {
      return `(?:${part
        .slice(1, -1)
        .split(",")
        .map((choice) => RegExp.escape(choice.trim()))
        .join("|")})`;
    }
    return RegExp.escape(part);
  });
  return new RegExp(`^${source}$`);
}
