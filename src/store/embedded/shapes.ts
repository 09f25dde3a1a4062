/** The shapes of history rows: numbers for lists of field names, kept once per database. */
import type { Database } from "bun:sqlite";
import { type Document, setField, type Value } from "../../query/index.ts";
import { StoreError } from "../store.ts";

const MOST_KEPT = 20_000;

/** Numbers of shapes for a writer. After a transaction that failed call `forget`. */
export class ShapeNumbers {
  readonly #numbers = new Map<string, number>();

  constructor(readonly database: Database) {}

  of(shape: string): number {
    const known = this.#numbers.get(shape);
    if (known !== undefined) return known;
    const row = (this.database.query("SELECT id FROM shapes WHERE fields = ?").get(shape) ??
      this.database.query("INSERT INTO shapes (fields) VALUES (?) RETURNING id").get(shape)) as {
      id: bigint;
    };
    const number = Number(row.id);
    if (this.#numbers.size >= MOST_KEPT) this.#numbers.clear();
    this.#numbers.set(shape, number);
    return number;
  }

  forget(): void {
    this.#numbers.clear();
  }
}

/** Rows of a shape that are made field by field before there is code for it. */
const FEW_ROWS = 16;

/**
 * Makes rows of one shape. Those of a shape that comes often are literals with all fields, of one hidden class: made in
 * half the time, and read faster by whoever gets them. Names enter the code only as JSON string literals.
 */
export class RowShape {
  #rows = 0;
  #literal: ((values: readonly Value[]) => Document) | undefined;

  constructor(readonly fields: readonly string[]) {}

  get count(): number {
    return this.fields.length;
  }

  /** A row with these values, in the order of the fields; more of them are ignored. */
  make(values: readonly Value[]): Document {
    if (this.#literal !== undefined) return this.#literal(values);
    if (++this.#rows > FEW_ROWS) this.#literal = literalOf(this.fields);
    const row: Document = {};
    this.fields.forEach((field, n) => {
      setField(row, field, values[n] ?? null);
    });
    return row;
  }
}

function literalOf(fields: readonly string[]): (values: readonly Value[]) => Document {
  // A computed key makes `__proto__` an own property.
  const entries = fields.map(
    (field, n) => `${field === "__proto__" ? '["__proto__"]' : JSON.stringify(field)}: values[${n}]`,
  );
  return new Function("values", `"use strict"; return {${entries.join(", ")}};`) as ReturnType<
    typeof literalOf
  >;
}

/** Shapes for a reader. */
export class ShapeFields {
  readonly #shapes = new Map<number, RowShape>();

  constructor(readonly database: Database) {}

  of(number: number): RowShape {
    const known = this.#shapes.get(number);
    if (known !== undefined) return known;
    const row = this.database.query("SELECT fields FROM shapes WHERE id = ?").get(number);
    if (row === null)
      throw new StoreError(`the database is damaged: a history row of unknown shape ${number}`);
    const shape = new RowShape(JSON.parse((row as { fields: string }).fields) as string[]);
    if (this.#shapes.size >= MOST_KEPT) this.#shapes.clear();
    this.#shapes.set(number, shape);
    return shape;
  }
}
