/** The shapes of history rows: numbers for lists of field names, kept once per database. */
import type { Database } from "bun:sqlite";
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

/** Field names of shapes for a reader. */
export class ShapeFields {
  readonly #fields = new Map<number, readonly string[]>();

  constructor(readonly database: Database) {}

  of(number: number): readonly string[] {
    const known = this.#fields.get(number);
    if (known !== undefined) return known;
    const row = this.database.query("SELECT fields FROM shapes WHERE id = ?").get(number);
    if (row === null)
      throw new StoreError(`the database is damaged: a history row of unknown shape ${number}`);
    const fields = JSON.parse((row as { fields: string }).fields) as string[];
    if (this.#fields.size >= MOST_KEPT) this.#fields.clear();
    this.#fields.set(number, fields);
    return fields;
  }
}
