/** The columns of a binary table (FITS standard 4.0, section 7.3) and how a cell of each is read. */
import type { Value } from "../../query/index.ts";
import type { Cell } from "../table.ts";
import { type ElementReader, elementReader, type Scaling, WIDTHS } from "./elements.ts";
import { FitsError, type Header } from "./header.ts";

/** More elements of one cell are no catalogue's. */
export const MOST_ELEMENTS = 4_000_000;
const MOST_FIELDS = 999;

export interface FitsColumn {
  readonly name: string;
  readonly unit: string | undefined;
  /** Where a row's cell begins, and its width, bytes. */
  readonly offset: number;
  readonly width: number;
  /** Of a cell whose elements lie in the heap: the width of its length and of its place, bytes. */
  readonly descriptor: 4 | 8 | undefined;
  /** Bytes of `count` elements. */
  bytesOf(count: number): number;
  /** A cell of `count` elements: one element is a list too when the cell is in the heap. */
  read(view: DataView, at: number, count: number): Cell;
  /** Elements of a cell that is not in the heap. */
  readonly count: number;
}

/** The columns that a table's header describes. Throws `FitsError`. */
export function columnsOf(header: Header): FitsColumn[] {
  const fields = header.size("TFIELDS");
  if (fields > MOST_FIELDS) throw new FitsError(`TFIELDS is ${fields}: expected at most ${MOST_FIELDS}`);
  const columns: FitsColumn[] = [];
  let offset = 0;
  for (let n = 1; n <= fields; n++) {
    const column = columnOf(header, n, offset);
    columns.push(column);
    offset += column.width;
  }
  const width = header.size("NAXIS1");
  if (offset !== width) {
    throw new FitsError(
      `the columns take ${offset} bytes a row, but NAXIS1 says ${width}: the header is damaged`,
    );
  }
  return columns;
}

function columnOf(header: Header, n: number, offset: number): FitsColumn {
  const name = header.text(`TTYPE${n}`)?.trim() || `col${n}`;
  const form = header.text(`TFORM${n}`) ?? "";
  const match = /^\s*(\d{0,12})([LXBIJKAEDCM]|[PQ][LXBIJKAEDCM])/.exec(form);
  if (match === null)
    throw new FitsError(`TFORM${n} is ${JSON.stringify(form)}: expected a form of section 7.3.1`);
  const repeat = match[1] === "" ? 1 : Number(match[1]);
  const kind = match[2] ?? "";
  const descriptor = kind.startsWith("P") ? 4 : kind.startsWith("Q") ? 8 : undefined;
  const code = kind.slice(-1);
  const { bytesOf, read } = cellReader(code, elementReader(code, scalingOf(header, n)), {
    shape: shapeOf(header.text(`TDIM${n}`)),
    textWidth: stringWidth(form, code),
    isList: descriptor !== undefined,
  });
  const unit = header.text(`TUNIT${n}`)?.trim();
  const width = descriptor === undefined ? bytesOf(repeat) : repeat === 0 ? 0 : 2 * descriptor;
  if (descriptor === undefined && repeat > MOST_ELEMENTS) {
    throw new FitsError(`TFORM${n}: cells of ${repeat} elements are more than ${MOST_ELEMENTS}`);
  }
  return {
    name,
    unit: unit === "" ? undefined : unit,
    offset,
    width,
    descriptor,
    bytesOf,
    read,
    count: repeat,
  };
}

function scalingOf(header: Header, n: number): Scaling {
  return {
    scale: header.real(`TSCAL${n}`) ?? 1,
    zero: header.real(`TZERO${n}`) ?? 0,
    blank: header.exact(`TNULL${n}`),
  };
}

/** `(10,3)`: three of ten. The first axis varies fastest. */
function shapeOf(text: string | undefined): number[] | undefined {
  const inner = /^\s*\(([\d,\s]+)\)\s*$/.exec(text ?? "")?.[1];
  if (inner === undefined) return undefined;
  const axes = inner.split(",").map(Number);
  return axes.every((axis) => Number.isInteger(axis) && axis > 0) ? axes : undefined;
}

/** The substring convention: `60A10` is six texts of ten characters. */
function stringWidth(form: string, code: string): number | undefined {
  const width = code === "A" ? /^\s*\d*[PQ]?A(\d+)/.exec(form)?.[1] : undefined;
  return width === undefined || Number(width) === 0 ? undefined : Number(width);
}

interface CellReader {
  bytesOf(count: number): number;
  read(view: DataView, at: number, count: number): Cell;
}

interface CellForm {
  readonly shape: readonly number[] | undefined;
  /** Characters of each text of a cell. */
  readonly textWidth: number | undefined;
  /** Whether one element is a list as well. */
  readonly isList: boolean;
}

function cellReader(code: string, element: ElementReader, form: CellForm): CellReader {
  if (code === "A") return textReader(form);
  if (code === "X") return bitReader(form);
  const width = WIDTHS[code] ?? 1;
  const isSingle = form.shape === undefined && !form.isList;
  return {
    bytesOf: (count) => count * width,
    read(view, at, count) {
      if (count === 0) return undefined;
      // NaN and TNULL of a single value are none; within an array the places of the others matter.
      if (count === 1 && isSingle) return element(view, at) ?? undefined;
      const values = new Array<Value>(count);
      for (let i = 0; i < count; i++) {
        const value = element(view, at + i * width);
        values[i] = value === undefined ? Number.NaN : value;
      }
      return shaped(values, form.shape);
    },
  };
}

function textReader({ shape, textWidth }: CellForm): CellReader {
  const width = shape === undefined ? textWidth : shape.length > 1 ? shape[0] : undefined;
  return {
    bytesOf: (count) => count,
    read(view, at, count) {
      if (width === undefined || width >= count) return textOf(view, at, count) || undefined;
      const texts: Value[] = [];
      for (let i = 0; i + width <= count; i += width) texts.push(textOf(view, at + i, width));
      return shaped(texts, shape?.slice(1));
    },
  };
}

/** Characters up to the first NUL, without the spaces around them. */
function textOf(view: DataView, at: number, count: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + at, count);
  const end = bytes.indexOf(0);
  const used = end < 0 ? bytes : bytes.subarray(0, end);
  return used.toString("utf8").trim();
}

/** Bits from the most significant of each byte on. */
function bitReader({ isList }: CellForm): CellReader {
  return {
    bytesOf: (count) => Math.ceil(count / 8),
    read(view, at, count) {
      if (count === 0) return undefined;
      const bits = Array.from(
        { length: count },
        (_, i) => ((view.getUint8(at + (i >> 3)) >> (7 - (i & 7))) & 1) === 1,
      );
      return count === 1 && !isList ? bits[0] : bits;
    },
  };
}

/** Values as arrays of arrays when the shape, first axis fastest, holds just as many. */
function shaped(values: Value[], shape: readonly number[] | undefined): Value {
  if (shape === undefined || shape.length < 2 || shape.reduce((a, b) => a * b, 1) !== values.length)
    return values;
  let level: Value[] = values;
  for (const axis of shape.slice(0, -1)) {
    const grouped: Value[] = [];
    for (let i = 0; i < level.length; i += axis) grouped.push(level.slice(i, i + axis));
    level = grouped;
  }
  return level;
}
