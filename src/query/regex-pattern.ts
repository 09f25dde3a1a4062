/** Translates a pattern of the server's regex dialect (PCRE) into those of RE2 and of JavaScript. */
import { QueryError } from "./errors.ts";

export interface TranslatedPattern {
  /** For RE2. */
  readonly re2: string;
  /** For the built-in engine, only where that cannot run away and means the same. */
  readonly builtin: string | undefined;
  readonly endsWithDollar: boolean;
  /** A literal text that every match begins with at the start of the text. */
  readonly prefix: string;
}

/** Bounded repetitions multiply; beyond this the built-in engine could be slow. */
const MAX_BOUNDED_WORK = 64;
const RE2_SPACE = "\\t\\n\\x0B\\f\\r ";
const SIMPLE_ESCAPES = "dDwWbB";
const CONTROL_ESCAPES = "tnrf";
const QUANTIFIER = /(?:[*+?]|\{(\d+)(,(\d*))?\})([?+]?)/y;
const GROUP =
  /\((?:\?(?:(P?<)(?=[A-Za-z_])(\w+)>|([imsx]*(?:-[imsx]+)?)([:)])|(P[=>]|<?[=!]|[>|(&#R]|[+-]?\d|C)|))?/y;

/** Translates; throws a QueryError at `at` for parts that no linear-time engine can match. */
export function translatePattern(pattern: string, options: string, at: string): TranslatedPattern {
  return new Translator(pattern, options, at).translate();
}

class Translator {
  #at = 0;
  #re2 = "";
  #js = "";
  #simple: boolean;
  #work = 1;
  #endsWithDollar = false;
  /** Whether the last piece matches a place, not a character. */
  #assertion = false;
  #lineStart = false;
  readonly #ends = new EndTracker();
  /** What the present character class has: names such as \w, letters by themselves. */
  #classHas = { names: false, letters: false };
  /** Whether letters may match without regard to case somewhere in the pattern. */
  readonly #folds: boolean;
  readonly #extended: boolean;

  constructor(
    readonly pattern: string,
    readonly options: string,
    readonly where: string,
  ) {
    this.#extended = options.includes("x");
    this.#folds = options.includes("i") || /\(\?[a-z]*i/.test(pattern);
    // Folding of letters beyond ASCII differs between engines in details; RE2 is the one that decides.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII, written out.
    this.#simple = !options.includes("x") && /^[\x00-\x7f]*$/.test(pattern);
  }

  translate(): TranslatedPattern {
    while (this.#at < this.pattern.length) this.#piece();
    const simple = this.#simple && this.#work <= MAX_BOUNDED_WORK;
    if (!simple && this.#lineStart)
      this.#refuse("a ^ of several lines in a pattern with unbounded repetition");
    if (!simple && this.#ends.followed) this.#refuse("a $ that something follows");
    return {
      re2: this.#re2,
      builtin: simple ? this.#js : undefined,
      endsWithDollar: this.#endsWithDollar,
      prefix: this.#prefix(),
    };
  }

  #prefix(): string {
    if (/[imx|]/.test(this.options) || this.pattern.includes("|")) return "";
    const literal =
      /^\^((?:[A-Za-z0-9_ :;,@#%&=<>!"'/~-]|\\[.+*?()[\]{}^$|-])*)/.exec(this.pattern)?.[1] ?? "";
    const next = this.pattern[literal.length + 1] ?? "";
    const letters = literal.match(/\\.|./gs) ?? [];
    // A quantifier belongs to the last letter, which then need not be there.
    if ("?*{+".includes(next) && next !== "") letters.pop();
    return letters.map((letter) => letter.slice(-1)).join("");
  }

  #emit(text: string, js: string = text) {
    this.#re2 += text;
    this.#js += js;
    this.#endsWithDollar = false;
    this.#assertion = false;
  }

  #assert(text: string, js: string) {
    this.#emit(text, js);
    this.#assertion = true;
  }

  /** Takes text that only RE2 gets. */
  #emitHard(text: string) {
    this.#simple = false;
    this.#emit(text, "");
  }

  #refuse(what: string): never {
    throw new QueryError(
      "unsupported",
      this.where,
      `the regular expression uses ${what}, which cannot be matched in bounded time`,
    );
  }

  #fail(reason: string): never {
    throw new QueryError("invalid", this.where, `the regular expression is not valid: ${reason}`);
  }

  #piece() {
    const c = this.pattern[this.#at] ?? "";
    if (this.#extended && this.#skipExtended(c)) return;
    this.#ends.see(c);
    if (c === "\\") return this.#escape();
    if (c === "[") return this.#class();
    if (c === "(") return this.#group();
    if ("*+?".includes(c) || c === "{") return this.#quantifier(c);
    this.#at++;
    if (c === "$") return this.#dollar();
    if (c === "^") return this.#caret();
    if (c === ".") return this.#emit(".", this.options.includes("s") ? "[^]" : "[^\\n]");
    if (c === "]" || c === "}") return this.#emit(`\\${c}`);
    this.#emit(c);
  }

  #skipExtended(c: string): boolean {
    if (/\s/.test(c)) {
      this.#at++;
      return true;
    }
    if (c !== "#") return false;
    const end = this.pattern.indexOf("\n", this.#at);
    if (end < 0) this.#fail("a comment must end with a newline");
    this.#at = end + 1;
    return true;
  }

  /** Of several lines, the empty one behind a final newline has no beginning: RE2 sees one there. */
  #caret() {
    const lines = this.options.includes("m");
    this.#lineStart ||= lines;
    this.#assert("^", lines ? "(?:^|(?<=\\n)(?=[^]))" : "^");
  }

  #dollar() {
    if (this.options.includes("m")) return this.#assert("$", "(?![^\\n])");
    this.#ends.mark();
    this.#assert("(?:\\n?\\z)", "(?=\\n?(?![^]))");
    this.#endsWithDollar = true;
  }

  #quantifier(c: string) {
    QUANTIFIER.lastIndex = this.#at;
    const match = QUANTIFIER.exec(this.pattern);
    if (match === null) {
      // A brace that opens no quantifier is a plain character.
      this.#at++;
      return this.#emit(`\\${c}`);
    }
    if (this.#assertion) this.#fail("there is nothing to repeat");
    const [text, least, comma, most, suffix] = match;
    if (suffix === "+") this.#refuse("a possessive quantifier");
    this.#at += text.length;
    const unbounded = c === "*" || c === "+" || (comma !== undefined && most === "");
    if (unbounded) this.#simple = false;
    else this.#work *= 1 + (c === "?" ? 1 : Number(comma === undefined ? least : most));
    if (Number(least ?? 0) > 1000 || Number(most ?? 0) > 1000) {
      throw new QueryError("unsupported", this.where, "a regular expression can repeat at most 1000 times");
    }
    this.#emit(text);
  }

  #group() {
    GROUP.lastIndex = this.#at;
    const match = GROUP.exec(this.pattern);
    const text = match?.[0] ?? "(";
    if (this.pattern[this.#at + 1] === "*") this.#refuse("a control verb such as (*UCP)");
    if (match?.[5] === "#") {
      const end = this.pattern.indexOf(")", this.#at);
      if (end < 0) this.#fail("missing ) after a comment");
      this.#at = end + 1;
      return;
    }
    if (match?.[5] !== undefined) this.#refuse(nameOfGroup(match[5]));
    if (this.pattern[this.#at + 1] === "?" && text === "(") this.#refuse("a special group");
    this.#at += text.length;
    if (text === "(" || text === "(?:") return this.#emit(text);
    if (/[mx]/.test(match?.[3] ?? "")) this.#refuse("the inline options m or x");
    if (match?.[2] !== undefined) return this.#emitHard(`(?P<${match[2]}>`);
    this.#emitHard(text);
    this.#assertion = text.endsWith(")");
  }

  #escape() {
    const c = this.pattern[this.#at + 1];
    if (c === undefined) return this.#fail("it ends with a backslash");
    if (c === "Q") return this.#quoted();
    if (!/[A-Za-z0-9]/.test(c)) {
      this.#at += 2;
      if (/[^\x20-\x7e]/.test(c)) return this.#emitHard(c);
      return this.#emit(`\\${c}`, /[\^$\\.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c);
    }
    if (/[1-9gk]/.test(c)) this.#refuse("a back reference");
    if (/[KGXCRNhHvV]/.test(c)) this.#refuse(`\\${c}`);
    if (c === "Z") {
      this.#at += 2;
      this.#ends.mark();
      this.#emitHard("(?:\\n?\\z)");
      this.#assertion = true;
      return;
    }
    this.#letterEscape(c, false);
  }

  /** An escape with a letter or zero, inside or outside a class. */
  #letterEscape(c: string, inClass: boolean) {
    if ((SIMPLE_ESCAPES.includes(c) && !(inClass && /[bB]/.test(c))) || CONTROL_ESCAPES.includes(c)) {
      this.#at += 2;
      if ("wW".includes(c) && this.#folds) this.#emitHard(inClass ? `\\${c}` : `(?-i:\\${c})`);
      else if ("bB".includes(c) && this.#folds) this.#emitHard(`\\${c}`);
      else this.#emit(`\\${c}`);
      this.#assertion = "bB".includes(c);
      return;
    }
    const special = specialEscape(c, inClass);
    if (special !== undefined) {
      this.#at += 2;
      this.#emitHard(special);
      this.#assertion = "Az".includes(c);
      return;
    }
    const coded = /\\(?:x\{[0-9a-fA-F]{1,6}\}|x[0-9a-fA-F]{2}|0[0-7]{0,2}|[pP](?:\{\^?\w+\}|[A-Z]))/y;
    coded.lastIndex = this.#at;
    const match = coded.exec(this.pattern);
    if (match === null) return this.#fail(`unknown escape \\${c}`);
    this.#at += match[0].length;
    if (/[pP]/.test(c) && this.#folds && !inClass) return this.#emitHard(`(?-i:${match[0]})`);
    this.#emitHard(match[0].startsWith("\\0") ? hexEscape(Number.parseInt(match[0].slice(1), 8)) : match[0]);
  }

  #quoted() {
    const end = this.pattern.indexOf("\\E", this.#at);
    const text = this.pattern.slice(this.#at + 2, end < 0 ? undefined : end);
    this.#at = end < 0 ? this.pattern.length : end + 2;
    this.#emitHard(text.replace(/[\^$\\.*+?()[\]{}|]/g, "\\$&"));
  }

  #class() {
    const before = this.#re2;
    this.#classHas = { names: false, letters: false };
    this.#emit("[");
    this.#at++;
    if (this.pattern[this.#at] === "^") {
      this.#at++;
      this.#emit("^");
    }
    for (let first = true; ; first = false) {
      const c = this.pattern[this.#at];
      if (c === undefined) this.#fail("missing ] after a character class");
      if (c === "]" && !first) break;
      this.#classItem(c ?? "");
    }
    this.#at++;
    this.#emit("]");
    if (!this.#classHas.names || !this.#folds) return;
    // Names such as \w keep their characters when letters fold; RE2 would fold those too.
    if (this.#classHas.letters) this.#refuse("a class of names and letters without regard to case");
    this.#re2 = `${before}(?-i:${this.#re2.slice(before.length)})`;
  }

  #classItem(c: string) {
    const posix = /\[:\^?[a-z]+:\]/y;
    posix.lastIndex = this.#at;
    const named = posix.exec(this.pattern)?.[0];
    if (named !== undefined) {
      this.#at += named.length;
      this.#classHas.names = true;
      // Without regard to case, upper and lower case are the same.
      return this.#emitHard(this.options.includes("i") ? named.replace(/upper|lower/, "alpha") : named);
    }
    if (c !== "\\") {
      this.#at++;
      this.#classHas.letters ||= /\p{L}/u.test(c);
      return this.#emit(/[[\]&~]/.test(c) ? `\\${c}` : c, /[[\]]/.test(c) ? `\\${c}` : c);
    }
    const escaped = this.pattern[this.#at + 1] ?? "";
    if (/[A-Za-z0-9]/.test(escaped)) {
      this.#classHas.names ||= /[wWpP]/.test(escaped);
      this.#classHas.letters ||= /[x0]/.test(escaped);
      return this.#letterEscape(escaped, true);
    }
    this.#at += 2;
    if (/[^\x20-\x7e]/.test(escaped)) return this.#emitHard(escaped);
    this.#emit(`\\${escaped}`, /[\^$\\.*+?()[\]{}|/-]/.test(escaped) ? `\\${escaped}` : escaped);
  }
}

/**
 * Watches whether anything can follow a `$`. For RE2 that consumes a final newline, which makes no
 * difference at the end of a match only.
 */
class EndTracker {
  followed = false;
  #ended = false;
  #earlier = false;
  readonly #outer: boolean[] = [];

  /** A piece of the pattern begins. */
  see(c: string) {
    if (c === "|") {
      this.#earlier ||= this.#ended;
      this.#ended = false;
    } else if (c === ")") {
      this.#ended ||= this.#earlier;
      this.#earlier = this.#outer.pop() ?? false;
    } else {
      this.followed ||= this.#ended;
      if (c !== "(") return;
      this.#outer.push(this.#earlier);
      this.#earlier = false;
    }
  }

  mark() {
    this.#ended = true;
  }
}

function specialEscape(c: string, inClass: boolean): string | undefined {
  if (c === "s") return inClass ? RE2_SPACE : `[${RE2_SPACE}]`;
  if (c === "S" && !inClass) return `[^${RE2_SPACE}]`;
  if (c === "A" && !inClass) return "\\A";
  if (c === "z" && !inClass) return "\\z";
  if (c === "a") return "\\x07";
  if (c === "e") return "\\x1B";
  if (c === "b" && inClass) return "\\x08";
  return undefined;
}

function hexEscape(unit: number): string {
  return `\\x{${unit.toString(16)}}`;
}

function nameOfGroup(mark: string): string {
  if (/[=!]$/.test(mark) && !mark.startsWith("P")) return mark.startsWith("<") ? "look-behind" : "look-ahead";
  if (mark === ">") return "an atomic group";
  if (mark === "P=") return "a back reference";
  return "recursion or a conditional group";
}
