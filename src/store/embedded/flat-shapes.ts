/** The shapes of rows that are still in the bytes of their packets: told apart by which columns have a value. */
import type { FlatFields } from "../../avro/index.ts";
import type { FlatRows } from "../flat-rows.ts";

interface Known {
  readonly present: Int32Array;
  readonly text: string;
}

/** Shapes that were told apart; forgotten when rows are too diverse for it to help. */
const MOST_SHAPES = 1024;

/** The shapes of rows with the same columns. */
export class FlatShapes {
  /** Which columns the present row has: a bit for each. */
  readonly present: Int32Array;
  readonly #known: Known[] = [];
  #last: Known | undefined;

  constructor(readonly names: readonly string[]) {
    this.present = new Int32Array(Math.ceil(names.length / 32));
  }

  /** The shape of the present row: the names of its fields as JSON. The same string for all rows of a shape. */
  shape(): string {
    if (this.#last === undefined || !this.#isPresent(this.#last)) {
      this.#last = this.#known.find((known) => this.#isPresent(known)) ?? this.#add();
    }
    return this.#last.text;
  }

  #isPresent({ present }: Known): boolean {
    for (let i = 0; i < present.length; i++) if (present[i] !== this.present[i]) return false;
    return true;
  }

  #add(): Known {
    const names = this.names.filter((_, column) => ((this.present[column >> 5] ?? 0) >>> (column & 31)) & 1);
    const known = { present: this.present.slice(), text: JSON.stringify(names) };
    if (this.#known.length >= MOST_SHAPES) this.#known.length = 0;
    this.#known.push(known);
    return known;
  }
}

const shapes = new WeakMap<FlatFields, Map<string, FlatShapes>>();

/** The shapes of rows with the columns of these. */
export function flatShapesOf({ records: { fields }, added }: FlatRows): FlatShapes {
  const ofFields = shapes.get(fields) ?? new Map<string, FlatShapes>();
  shapes.set(fields, ofFields);
  const addedNames = added.map(({ name }) => name);
  const key = addedNames.join();
  let found = ofFields.get(key);
  if (found === undefined) {
    found = new FlatShapes([...fields.names, ...addedNames]);
    ofFields.set(key, found);
  }
  return found;
}
