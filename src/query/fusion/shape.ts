/** What stages have made of a document so far, without that it was made: where each field's value is to be found. */
import type { ExpressionNode } from "../expressions/index.ts";
import type { ProjectionNode } from "../projection/index.ts";

/** Fields that are still those of the first document. */
export type Kept =
  | { readonly mode: "all"; readonly dropped: ReadonlySet<string> }
  /** Only these; of some only what a node keeps of the fields below. */
  | { readonly mode: "only"; readonly names: ReadonlyMap<string, ProjectionNode | undefined> };

/** A field that is set, or dropped where the value is missing. */
export interface Setting {
  readonly name: string;
  /** A constant, a slot, or a field of the first document. */
  readonly node: ExpressionNode;
  readonly mayBeMissing: boolean;
}

/** Where the value of a field is. */
export type Place =
  | { readonly kind: "original" }
  /** What a node keeps of the original. */
  | { readonly kind: "part"; readonly of: ProjectionNode }
  | { readonly kind: "set"; readonly node: ExpressionNode }
  | { readonly kind: "nowhere" };

/** A projection that keeps fields. */
export interface Inclusion {
  readonly leaves: ReadonlySet<string>;
  readonly parts: ReadonlyMap<string, ProjectionNode>;
  readonly settings: readonly Setting[];
}

export class Shape {
  private constructor(
    readonly kept: Kept,
    /** In the order in which they are applied, which decides where fields stand. */
    readonly settings: readonly Setting[],
  ) {}

  /** The first document as it is. */
  static readonly whole = new Shape({ mode: "all", dropped: new Set() }, []);

  get isWhole(): boolean {
    return this.kept.mode === "all" && this.kept.dropped.size === 0 && this.settings.length === 0;
  }

  place(name: string): Place {
    const set = this.settings.findLast((setting) => setting.name === name);
    if (set !== undefined) return { kind: "set", node: set.node };
    const { kept } = this;
    if (kept.mode === "all") return { kind: kept.dropped.has(name) ? "nowhere" : "original" };
    if (!kept.names.has(name)) return { kind: "nowhere" };
    const of = kept.names.get(name);
    return of === undefined ? { kind: "original" } : { kind: "part", of };
  }

  /** Whether a document of this shape can have a field before any is set. */
  keeps(name: string): boolean {
    return this.kept.mode === "all" ? !this.kept.dropped.has(name) : this.kept.names.has(name);
  }

  /** With more fields, in the place of those that have the names. */
  setting(settings: readonly Setting[]): Shape {
    const all = [...this.settings];
    for (const setting of settings) {
      const known = all.findIndex(({ name }) => name === setting.name);
      // A field that may have been dropped in between comes back at the end.
      if (known >= 0 && all[known]?.mayBeMissing === false) all[known] = setting;
      else all.push(setting);
    }
    return new Shape(this.kept, all);
  }

  /** With some fields only, and computed ones behind them. */
  including({ leaves, parts, settings }: Inclusion): Shape {
    const names = new Map<string, ProjectionNode | undefined>();
    for (const name of [...leaves, ...parts.keys()]) {
      if (!this.keeps(name)) continue;
      const before = this.kept.mode === "only" ? this.kept.names.get(name) : undefined;
      names.set(name, parts.get(name) ?? before);
    }
    const before = this.settings.filter(({ name }) => leaves.has(name));
    return new Shape({ mode: "only", names }, before).setting(settings);
  }

  without(dropped: ReadonlySet<string>): Shape {
    const { kept } = this;
    const settings = this.settings.filter(({ name }) => !dropped.has(name));
    if (kept.mode === "all") {
      return new Shape({ mode: "all", dropped: new Set([...kept.dropped, ...dropped]) }, settings);
    }
    const names = new Map([...kept.names].filter(([name]) => !dropped.has(name)));
    return new Shape({ mode: "only", names }, settings);
  }
}
