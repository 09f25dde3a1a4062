/** Turns a JSON log line into one for people. */

const COLOURS: Record<string, string> = {
  trace: "90",
  debug: "90",
  info: "36",
  warn: "33",
  error: "31",
  fatal: "35",
};

/** `12:03:44 INFO message key=value`, with the stack of an error on lines of its own. */
export function prettyLine(line: string, colour = process.env["NO_COLOR"] === undefined): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { time, level, msg, err, ...rest } = fields;
  const clock = typeof time === "string" ? time.slice(11, 19) : "";
  const name = String(level);
  const shown = name.toUpperCase().padEnd(5);
  const painted = colour ? `\u001b[${COLOURS[name] ?? "0"}m${shown}\u001b[0m` : shown;
  const values = Object.entries(rest).map(([key, value]) => `${key}=${shortValue(value)}`);
  const text = [clock, painted, typeof msg === "string" ? msg : "", ...values].filter((part) => part !== "");
  return `${text.join(" ")}\n${stackOf(err)}`;
}

function shortValue(value: unknown): string {
  return typeof value === "string" && /^\S*$/.test(value) ? value : JSON.stringify(value);
}

function stackOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { stack, message } = error as { stack?: unknown; message?: unknown };
  const text = typeof stack === "string" ? stack : typeof message === "string" ? message : "";
  return text === "" ? "" : `    ${text.replaceAll("\n", "\n    ")}\n`;
}
