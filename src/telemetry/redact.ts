/** Keeps secrets out of the log: by the name of a field, by value, and in addresses with credentials. */

const CENSORED = "[redacted]";
const SECRET_FIELD = /pass(word|wd|phrase)?$|secret|token$|authorization|cookie|api_?key|private_?key/i;
const ADDRESS_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'\\]+@/gi;
const BEARER = /\b(bearer\s+)[\w.~+/=-]{8,}/gi;
const JSON_WEB_TOKEN = /\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]{5,}/g;
/** Shorter values would censor ordinary words. */
const SHORTEST_SECRET = 6;
const DEEPEST = 8;

/** Replaces secrets in log fields and lines. Values are told to it once they are known. */
export class Redactor {
  #values: string[] = [];

  /** Adds values that must never be seen again; those shorter than six characters are left out. */
  add(values: Iterable<string>): void {
    const known = new Set(this.#values);
    for (const value of values) {
      if (value.length < SHORTEST_SECRET) continue;
      known.add(value);
      // Inside a JSON line the value appears with its escapes.
      known.add(JSON.stringify(value).slice(1, -1));
      known.add(encodeURIComponent(value));
    }
    this.#values = [...known].sort((a, b) => b.length - a.length);
  }

  /** A copy of the fields in which those named like a secret are censored. */
  fields(fields: Record<string, unknown>): Record<string, unknown> {
    return this.#fields(fields, 0);
  }

  /** The text without known secret values, credentials in addresses, bearer tokens and JSON web tokens. */
  text(text: string): string {
    let clean = text;
    for (const value of this.#values) clean = clean.replaceAll(value, CENSORED);
    return clean
      .replace(ADDRESS_CREDENTIALS, `$1${CENSORED}@`)
      .replace(BEARER, `$1${CENSORED}`)
      .replace(JSON_WEB_TOKEN, CENSORED);
  }

  #fields(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
    const clean: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) clean[name] = this.#value(name, value, depth);
    return clean;
  }

  #value(name: string, value: unknown, depth: number): unknown {
    if (SECRET_FIELD.test(name) && value !== undefined && value !== null && value !== "") return CENSORED;
    // JSON of the log: an int64 as text rather than a crash of the line.
    if (typeof value === "bigint") return value.toString();
    if (depth >= DEEPEST || typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => this.#value("", item, depth + 1));
    // Errors, dates and bytes have serialisers of their own; only plain objects are copied.
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return value;
    return this.#fields({ ...value }, depth + 1);
  }
}
