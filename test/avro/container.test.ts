/** Container files: what is read, and the named error with its offset for each way they can be wrong. */
import { describe, expect, test } from "bun:test";
import { Double } from "bson";
import { AvroError, decodeContainer, encodeContainer, openContainer } from "../../src/avro/index.ts";
import { block, container, row, SCHEMA, SYNC, sample, varint } from "./support.ts";

function failure(bytes: Uint8Array): AvroError {
  try {
    for (const _ of openContainer(bytes).records());
  } catch (error) {
    if (error instanceof AvroError) return error;
    throw error;
  }
  throw new Error("expected an AvroError");
}

function schemaOf(type: unknown): string {
  return JSON.stringify({ type: "record", name: "r", fields: [{ name: "f", type }] });
}

describe("reading", () => {
  test("yields every record of every block, in order", () => {
    const opened = openContainer(sample().file);
    expect(opened.schemaName).toBe("test.alert");
    expect([...opened.fieldNames]).toEqual(["candid", "name", "stamp"]);
    expect(opened.codec).toBe("null");
    expect(new TextDecoder().decode(opened.schema)).toBe(SCHEMA);
    expect([...opened.records()]).toEqual([row(1n), row(2n), row(3n), row(4n)] as never);
    expect([...opened.records()]).toHaveLength(4);
  });

  test("a file without records yields none", () => {
    expect([...decodeContainer(encodeContainer(SCHEMA, []))]).toEqual([]);
  });

  test("records before a torn end are yielded before the error", () => {
    const { file } = sample();
    const seen: unknown[] = [];
    expect(() => {
      for (const record of decodeContainer(file.subarray(0, file.length - 20))) seen.push(record["candid"]);
    }).toThrow(/expected a block of 14 bytes, but 10/);
    expect(seen).toEqual([1n, 2n]);
  });

  test("values have one representation", () => {
    const types = ["long", "int", "double", "float", "boolean", "null", "bytes", ["null", "long"]];
    const schema = JSON.stringify({
      type: "record",
      name: "r",
      fields: types.map((type, i) => ({ name: `f${i}`, type })),
    });
    const minusZero = [0, 0, 0, 0, 0, 0, 0, 0x80];
    const half = [0, 0, 0, 0x3f];
    const data = [
      ...varint(-5),
      ...varint(-5),
      ...minusZero,
      ...half,
      1,
      ...varint(2),
      7,
      8,
      ...varint(1),
      ...varint(9),
    ];
    const [record] = [...decodeContainer(container(schema, block(1, data)))];
    expect(record).toEqual({
      f0: -5n,
      f1: -5,
      f2: new Double(-0),
      f3: 0.5,
      f4: true,
      f5: null,
      f6: Uint8Array.of(7, 8),
      f7: 9n,
    });
    expect(Object.is(Number(record?.["f2"]), -0)).toBe(true);
  });

  test.each([
    [Number.NaN, Number.NaN],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [0.1, 0.1],
    [-999, new Double(-999)],
    [1e300, new Double(1e300)],
  ])("a double %p becomes %p", (value, expected) => {
    const [record] = [...decodeContainer(encodeContainer(schemaOf("double"), [{ f: value }]))];
    expect(record?.["f"]).toEqual(expected);
  });

  test("bytes are views into the input", () => {
    const { file } = sample();
    const [record] = [...decodeContainer(file)];
    expect((record as { stamp?: Uint8Array }).stamp?.buffer).toBe(file.buffer);
    const [fromBuffer] = [...decodeContainer(Buffer.from(file))];
    expect(Buffer.isBuffer(fromBuffer?.["stamp"])).toBe(false);
  });

  test("a timestamp is read as the long that it is", () => {
    const schema = schemaOf({ type: "long", logicalType: "timestamp-micros" });
    expect([...decodeContainer(container(schema, block(1, varint(1_700_000_000_000_000n))))]).toEqual([
      { f: 1_700_000_000_000_000n },
    ]);
  });

  test("names that objects inherit become plain fields and keys", () => {
    const fields = ["__proto__", "constructor", "toString"].map((name) => ({ name, type: "int" }));
    const schema = JSON.stringify({ type: "record", name: "r", fields });
    const [record = {}] = [...decodeContainer(container(schema, block(1, [2, 4, 6])))];
    expect(Object.entries(record)).toEqual([
      ["__proto__", 1],
      ["constructor", 2],
      ["toString", 3],
    ]);
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
    const key = [...varint(9), ...Buffer.from("__proto__")];
    const map = container(schemaOf({ type: "map", values: "int" }), block(1, [2, ...key, 8, 0]));
    const [mapped] = [...decodeContainer(map)];
    expect(Object.entries(mapped?.["f"] as object)).toEqual([["__proto__", 4]]);
  });

  test("a field declared twice has two values in the data, and keeps the last", () => {
    const schema = JSON.stringify({
      type: "record",
      name: "r",
      fields: ["a", "b", "a"].map((name) => ({ name, type: "int" })),
    });
    const [record = {}] = [...decodeContainer(container(schema, block(1, [2, 4, 6])))];
    expect(Object.entries(record)).toEqual([
      ["a", 3],
      ["b", 2],
    ]);
  });

  test("defaults that do not fit their type do not matter", () => {
    const fields = [
      { name: "a", type: ["null", "float"], default: 0 },
      { name: "b", type: "int", default: null },
    ];
    const schema = JSON.stringify({ type: "record", name: "r", fields });
    expect([...decodeContainer(container(schema, block(1, [0, 2])))]).toEqual([{ a: null, b: 1 }]);
  });

  test("array blocks with a byte size are read like others", () => {
    const schema = schemaOf({ type: "array", items: "int" });
    const data = [...varint(-2), ...varint(2), 2, 4, ...varint(1), 6, 0];
    expect([...decodeContainer(container(schema, block(1, data)))]).toEqual([{ f: [1, 2, 3] }]);
  });
});

describe("damaged files", () => {
  const { file, headerEnd } = sample();
  const changed = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = file.slice();
    copy.set(bytes, at);
    return copy;
  };

  test.each<[what: string, bytes: Uint8Array, name: string, offset: number, message: RegExp]>([
    ["no bytes", new Uint8Array(), "EmptyInputError", 0, /empty/],
    ["another format", Buffer.from("SIMPLE  ="), "WrongMagicError", 0, /found 0x53494d50/],
    ["another version", changed(3, 2), "WrongMagicError", 0, /expected an Avro container/],
    ["three bytes", file.subarray(0, 3), "TornFileError", 3, /ends after 3 bytes/],
    ["half a schema", file.subarray(0, 60), "LengthError", 17, /41 bytes are left/],
    [
      "no sync marker",
      file.subarray(0, headerEnd - 3),
      "TornFileError",
      headerEnd - 16,
      /sync marker \(16 bytes\)/,
    ],
    ["half a block", file.subarray(0, headerEnd + 9), "TornFileError", headerEnd + 2, /7 bytes are left/],
    [
      "half a last sync",
      file.subarray(0, file.length - 1),
      "TornFileError",
      file.length - 16,
      /ends a block/,
    ],
    ["a wrong sync", changed(headerEnd + 20, 0), "SyncMarkerError", headerEnd + 16, /sync marker/],
    ["trailing garbage", Uint8Array.from([...file, 9, 9]), "LengthError", file.length, /-5 records/],
  ])("%s", (_, bytes, name, offset, message) => {
    const error = failure(bytes);
    expect([error.name, error.offset]).toEqual([name, offset]);
    expect(error.message).toMatch(message);
    expect(error.message).toEndWith(`(at byte ${offset})`);
  });

  test("every truncation has a named error, except after a whole block", () => {
    const wholes = new Set([headerEnd, headerEnd + 32, file.length]);
    for (let size = 0; size < file.length; size++) {
      if (wholes.has(size)) expect(() => [...decodeContainer(file.subarray(0, size))]).not.toThrow();
      else expect(failure(file.subarray(0, size)).offset).toBeLessThanOrEqual(size);
    }
  });

  test.each<[what: string, schema: string, body: number[], name: string]>([
    ["negative record count", SCHEMA, block(-1, []), "LengthError"],
    ["negative block size", SCHEMA, block(1, [], -1), "LengthError"],
    ["block size of 2^62", SCHEMA, block(1, [], 2n ** 62n), "TornFileError"],
    ["fewer records than bytes", schemaOf("int"), block(1, [2, 2]), "LengthError"],
    ["more records than bytes", schemaOf("int"), block(2 ** 40, [2]), "TornFileError"],
    ["2^60 records of no bytes", schemaOf("null"), block(2n ** 60n, []), "LengthError"],
    ["string of 2^50 bytes", schemaOf("string"), block(1, varint(2n ** 50n)), "LengthError"],
    ["string of -1 bytes", schemaOf("string"), block(1, varint(-1)), "LengthError"],
    [
      "fixed of 2^50 bytes",
      schemaOf({ type: "fixed", name: "x", size: 2 ** 50 }),
      block(1, [1]),
      "TornFileError",
    ],
    [
      "array of 2^62 longs",
      schemaOf({ type: "array", items: "long" }),
      block(1, varint(2n ** 62n)),
      "LengthError",
    ],
    [
      "array of 2^62 nulls",
      schemaOf({ type: "array", items: "null" }),
      block(1, varint(2n ** 62n)),
      "LengthError",
    ],
    [
      "array of -2^63 nulls",
      schemaOf({ type: "array", items: "null" }),
      block(1, [...varint(-(2n ** 63n)), 0]),
      "LengthError",
    ],
    [
      "map of 2^40 nulls",
      schemaOf({ type: "map", values: "null" }),
      block(1, varint(2n ** 40n)),
      "LengthError",
    ],
    ["boolean 2", schemaOf("boolean"), block(1, [2]), "DecodeError"],
    ["int beyond 32 bits", schemaOf("int"), block(1, varint(2n ** 31n)), "DecodeError"],
    ["long beyond 64 bits", schemaOf("long"), block(1, [...Array(9).fill(255), 2]), "DecodeError"],
    ["long of 11 bytes", schemaOf("long"), block(1, [...Array(10).fill(128), 0]), "DecodeError"],
    ["union branch 2 of 2", schemaOf(["null", "int"]), block(1, [4]), "DecodeError"],
    ["union branch -1", schemaOf(["null", "int"]), block(1, [1]), "DecodeError"],
    [
      "enum symbol 1 of 1",
      schemaOf({ type: "enum", name: "e", symbols: ["A"] }),
      block(1, [2]),
      "DecodeError",
    ],
    ["string not in UTF-8", schemaOf("string"), block(1, [2, 0xff]), "DecodeError"],
    ["a double past the block", schemaOf("double"), block(1, [1, 2, 3]), "TornFileError"],
  ])("%s", (_, schema, body, name) => {
    const bytes = container(schema, body);
    const error = failure(bytes);
    expect(error.name).toBe(name);
    expect(error.offset).toBeGreaterThanOrEqual(bytes.length - body.length);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
  });

  test("data of a recursive type may not nest without end", () => {
    const list = { type: "record", name: "list", fields: [{ name: "next", type: ["null", "list"] }] };
    const nested = (depth: number): number[] => [...Array(depth).fill(2), 0];
    const read = (depth: number): unknown[] => [
      ...decodeContainer(container(JSON.stringify(list), block(1, nested(depth)))),
    ];
    expect(read(50)).toHaveLength(1);
    expect(() => read(100_000)).toThrow(/nested deeper than/);
    const self = { type: "record", name: "self", fields: [{ name: "again", type: "self" }] };
    expect(failure(container(JSON.stringify(self), block(1, []))).name).toBe("DecodeError");
  });

  test("records that double at each level without bytes are refused", () => {
    const levels = Array.from({ length: 60 }, (_, i) => {
      const type = i === 0 ? "null" : `L${i - 1}`;
      return { type: "record", name: `L${i}`, fields: ["a", "b"].map((name) => ({ name, type })) };
    });
    const top = { type: "record", name: "top", fields: levels.map((type, i) => ({ name: `f${i}`, type })) };
    expect(failure(container(JSON.stringify(top), block(1, []))).message).toMatch(/more values/);
  });

  test("many small blocks of free records share one allowance", () => {
    const empty = JSON.stringify({ type: "record", name: "r", fields: [] });
    const blocks = Array.from({ length: 50 }, () => block(100_000, [])).flat();
    expect(failure(container(empty, blocks)).message).toMatch(/more values/);
  });
});

describe("wrong schemas", () => {
  const deep = `${'{"type":"array","items":'.repeat(40_000)}"int"${"}".repeat(40_000)}`;
  const chain = Array.from({ length: 5000 }, (_, i) => ({
    name: `f${i}`,
    type: { type: "record", name: `L${i}`, fields: [{ name: "x", type: i === 0 ? "int" : `L${i - 1}` }] },
  }));
  test.each<[what: string, schema: string, message: RegExp]>([
    ["not JSON", "{nonsense", /not JSON/],
    ["not UTF-8", "\ud800", /./],
    ["a number", "17", /expected a type's name/],
    ["null", "null", /top type is null/],
    ["not a record", '"string"', /top type is string/],
    ["an unknown type", schemaOf("lang"), /unknown type "lang"/],
    ["no fields", '{"type":"record","name":"r"}', /expected a list of fields, found nothing/],
    ["a field without a name", '{"type":"record","name":"r","fields":[{"type":"int"}]}', /not a field name/],
    ["a field that is no object", '{"type":"record","name":"r","fields":[3]}', /3 is not a field/],
    [
      "a name that is code",
      '{"type":"record","name":"r","fields":[{"name":"a]+alert(1)","type":"int"}]}',
      /field name/,
    ],
    ["no name", '{"type":"record","fields":[]}', /expected the name of a record/],
    ["an empty union", schemaOf([]), /no branches/],
    ["a union in a union", schemaOf(["null", ["int"]]), /directly inside a union/],
    ["a fixed of no size", schemaOf({ type: "fixed", name: "x", size: -1 }), /size in bytes/],
    ["an enum without symbols", schemaOf({ type: "enum", name: "e" }), /list of symbols/],
    [
      "a name twice",
      schemaOf([
        { type: "fixed", name: "x", size: 1 },
        { type: "fixed", name: "x", size: 2 },
      ]),
      /twice/,
    ],
    ["types without end", deep, /deeper|stack|not JSON/i],
  ])("%s", (_, schema, message) => {
    const error = failure(container(schema, []));
    expect(error.name).toBe("SchemaError");
    expect(error.message).toMatch(message);
  });

  test("a long chain of types is read or refused, never a crash", () => {
    const top = {
      type: "record",
      name: "top",
      fields: [...chain, { name: "all", type: { type: "array", items: "L4999" } }],
    };
    expect(["TornFileError", "SchemaError"]).toContain(failure(container(JSON.stringify(top), [1])).name);
  });

  test("a header without a schema", () => {
    const bytes = Uint8Array.from([0x4f, 0x62, 0x6a, 1, 0, ...SYNC]);
    expect(failure(bytes).message).toMatch(/no schema \(avro.schema\)/);
  });

  test.each(["bzip2", "xz", "lz4", "constructor", "__proto__"])("codec %s is refused by name", (codec) => {
    const error = failure(container(SCHEMA, [], codec));
    expect(error.name).toBe("UnsupportedCodecError");
    expect(error.message).toContain(
      `unsupported codec "${codec}": expected null, deflate, snappy, zstandard`,
    );
  });
});
