/** Single values of a binary table: big-endian numbers with their scaling and their mark of no value. */
import { double, type Value } from "../../query/index.ts";
import { int32OrWider, wideInteger } from "../integers.ts";

/** Bytes of an element by its code. */
export const WIDTHS: Readonly<Record<string, number>> = {
  L: 1,
  B: 1,
  I: 2,
  J: 4,
  K: 8,
  E: 4,
  D: 8,
  C: 8,
  M: 16,
};

export interface Scaling {
  readonly scale: number;
  readonly zero: number;
  /** Of integers: the stored value that stands for none. */
  readonly blank: bigint | undefined;
}

/** Reads the element at a place: `null` is TNULL, `undefined` NaN. */
export type ElementReader = (view: DataView, at: number) => Value | undefined;

/** Of these the stored, signed form is shifted to hold unsigned ones (and signed bytes): 2 to the power of bits − 1. */
const UNSIGNED_ZERO: Readonly<Record<string, number>> = { I: 2 ** 15, J: 2 ** 31, K: 2 ** 63 };
const SIGNED_BYTE_ZERO = -(2 ** 7);

/** The reader of a code's elements. */
export function elementReader(code: string, scaling: Scaling): ElementReader {
  switch (code) {
    case "L":
      return (view, at) => logical(view.getUint8(at));
    case "B":
    case "I":
    case "J":
      return smallInteger(code, scaling);
    case "K":
      return wide(scaling);
    case "E":
      return real(scaling, (view, at) => view.getFloat32(at));
    case "D":
      return real(scaling, (view, at) => view.getFloat64(at));
    case "C":
      return (view, at) => [scaled(view.getFloat32(at), scaling), scaled(view.getFloat32(at + 4), scaling)];
    default:
      return (view, at) => [scaled(view.getFloat64(at), scaling), scaled(view.getFloat64(at + 8), scaling)];
  }
}

function logical(byte: number): Value {
  return byte === 84 ? true : byte === 70 ? false : null;
}

function smallInteger(code: "B" | "I" | "J", scaling: Scaling): ElementReader {
  const { scale, zero } = scaling;
  const blank = scaling.blank === undefined ? undefined : Number(scaling.blank);
  const stored = STORED[code];
  if (scale === 1 && zero === 0) {
    return (view, at) => {
      const value = stored(view, at);
      return value === blank ? null : value;
    };
  }
  const shifts = zero === (code === "B" ? SIGNED_BYTE_ZERO : UNSIGNED_ZERO[code]) && scale === 1;
  return (view, at) => {
    const value = stored(view, at);
    if (value === blank) return null;
    return shifts ? int32OrWider(value + zero) : double(value * scale + zero);
  };
}

const STORED = {
  B: (view: DataView, at: number) => view.getUint8(at),
  I: (view: DataView, at: number) => view.getInt16(at),
  J: (view: DataView, at: number) => view.getInt32(at),
} as const;

function wide({ scale, zero, blank }: Scaling): ElementReader {
  const shifts = scale === 1 && zero === UNSIGNED_ZERO["K"];
  const plain = scale === 1 && zero === 0;
  return (view, at) => {
    const value = view.getBigInt64(at);
    if (value === blank) return null;
    if (plain) return value;
    return shifts ? wideInteger(value + 2n ** 63n) : double(Number(value) * scale + zero);
  };
}

function real(scaling: Scaling, stored: (view: DataView, at: number) => number): ElementReader {
  const plain = scaling.scale === 1 && scaling.zero === 0;
  return (view, at) => {
    const value = stored(view, at);
    if (Number.isNaN(value)) return undefined;
    return plain ? double(value) : scaled(value, scaling);
  };
}

function scaled(value: number, { scale, zero }: Scaling): Value {
  return double(scale === 1 && zero === 0 ? value : value * scale + zero);
}
