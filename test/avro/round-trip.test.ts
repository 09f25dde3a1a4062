/** Whatever is written is read back: over random schemas and values, by us and by another library. */
import { describe, expect, test } from "bun:test";
import avsc from "avsc";
import { Double } from "bson";
import fc from "fast-check";
import {
  AvroError,
  type CodecName,
  decodeContainer,
  decodeDatum,
  EncodeError,
  Encoder,
  encodeContainer,
} from "../../src/avro/index.ts";
import { row, SCHEMA, SYNC } from "./support.ts";

interface Typed {
  readonly schema: unknown;
  readonly value: fc.Arbitrary<unknown>;
}

/** A double as it is in memory. */
const boxed = (value: number): number | Double => (Number.isInteger(value) ? new Double(value) : value);

const PRIMITIVES: readonly Typed[] = [
  { schema: "null", value: fc.constant(null) },
  { schema: "boolean", value: fc.boolean() },
  { schema: "int", value: fc.integer() },
  { schema: "long", value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { schema: "float", value: fc.float().map(boxed) },
  { schema: "double", value: fc.double().map(boxed) },
  { schema: "string", value: fc.string({ unit: "grapheme" }) },
  { schema: "bytes", value: fc.uint8Array({ maxLength: 200 }) },
];

const key = fc.constantFrom("a", "b", "candid", "__proto__", "constructor", "é");

/** A schema of at most this depth with its values; type names are made unique by `path`. */
function typed(depth: number, path: string): fc.Arbitrary<Typed> {
  const leaf = fc.oneof(
    fc.constantFrom(...PRIMITIVES),
    fc.nat({ max: 20 }).map((size) => ({
      schema: { type: "fixed", name: `fixed${path}`, size },
      value: fc.uint8Array({ minLength: size, maxLength: size }),
    })),
    fc.constant({
      schema: { type: "enum", name: `enum${path}`, symbols: ["A", "B", "C"] },
      value: fc.constantFrom("A", "B", "C"),
    }),
  );
  if (depth === 0) return leaf;
  const record = fc
    .tuple(typed(depth - 1, `${path}_0`), typed(depth - 1, `${path}_1`), typed(depth - 1, `${path}_2`))
    .map((fields) => recordOf(`record${path}`, fields));
  const array = typed(depth - 1, `${path}_a`).map(({ schema, value }) => ({
    schema: { type: "array", items: schema },
    value: fc.array(value, { maxLength: 5 }),
  }));
  const map = typed(depth - 1, `${path}_m`).map(({ schema, value }) => ({
    schema: { type: "map", values: schema },
    value: fc.array(fc.tuple(key, value), { maxLength: 4 }).map(Object.fromEntries),
  }));
  const union = fc
    .uniqueArray(fc.constantFrom(...PRIMITIVES), {
      minLength: 1,
      maxLength: 4,
      selector: (type) => type.schema,
    })
    .chain((leaves) => fc.oneof(record, array, map).map((branch) => [...leaves, branch]))
    .map((branches) => ({
      schema: branches.map((branch) => branch.schema),
      value: fc.oneof(...branches.map((branch) => branch.value)),
    }));
  return fc.oneof(leaf, record, array, map, union);
}

function recordOf(name: string, fields: readonly Typed[]): Typed {
  const names = ["a", "b", "__proto__"];
  return {
    schema: {
      type: "record",
      name,
      fields: fields.map(({ schema }, i) => ({ name: names[i], type: schema })),
    },
    value: fc
      .tuple(...fields.map(({ value }) => value))
      .map((values) => Object.fromEntries(values.map((value, i) => [names[i], value]))),
  };
}

const sample = typed(3, "").chain(({ schema, value }) => fc.tuple(fc.constant(schema), value));

describe("round trips", () => {
  test("a value of a random schema", () => {
    fc.assert(
      fc.property(sample, ([schema, value]) => {
        const encoder = new Encoder(schema as object);
        expect(decodeDatum(JSON.stringify(schema), encoder.datum(value))).toStrictEqual(value as never);
      }),
      { numRuns: 400 },
    );
  });

  test("long flat records, with optional fields of either order", () => {
    const optional = fc
      .constantFrom(...PRIMITIVES.slice(1))
      .chain(({ schema, value }) =>
        fc.constantFrom(
          { schema, value },
          { schema: ["null", schema], value: fc.option(value) },
          { schema: [schema, "null"], value: fc.option(value) },
        ),
      );
    const flat = fc.array(optional, { minLength: 16, maxLength: 45 }).map((fields) => ({
      schema: {
        type: "record",
        name: "row",
        fields: fields.map(({ schema }, i) => ({ name: `f${i}`, type: schema })),
      },
      value: fc
        .tuple(...fields.map(({ value }) => value))
        .map((values) => Object.fromEntries(values.map((value, i) => [`f${i}`, value]))),
    }));
    const rows = flat.chain(({ schema, value }) =>
      fc.tuple(fc.constant({ type: "array", items: schema }), fc.array(value, { maxLength: 4 })),
    );
    fc.assert(
      fc.property(rows, fc.double({ min: 0, max: 0.999, noNaN: true }), ([schema, value], share) => {
        const bytes = new Encoder(schema).datum(value);
        const text = JSON.stringify(schema);
        expect(decodeDatum(text, bytes)).toStrictEqual(value as never);
        expect(() => decodeDatum(text, bytes.subarray(0, Math.floor(share * bytes.length)))).toThrow(
          AvroError,
        );
      }),
      { numRuns: 200 },
    );
  });

  test("containers of several records with every codec", () => {
    const files = fc.tuple(typed(2, "x"), typed(2, "y"), typed(0, "z")).chain((fields) => {
      const { schema, value } = recordOf("top", fields);
      return fc.tuple(fc.constant(schema), fc.array(value, { maxLength: 20 }));
    });
    const codecs = fc.constantFrom<CodecName>("null", "deflate", "snappy", "zstandard");
    fc.assert(
      fc.property(files, codecs, fc.nat({ max: 300 }), ([schema, values], codec, blockBytes) => {
        const file = encodeContainer(schema as object, values as Record<string, unknown>[], {
          codec,
          blockBytes,
        });
        expect([...decodeContainer(file)]).toStrictEqual(values as never);
      }),
      { numRuns: 150 },
    );
  });

  test("a number keeps its type in a union of number types", () => {
    const encoder = new Encoder(["double", "int", "float", "long", "null"]);
    const back = (value: unknown): unknown =>
      decodeDatum('["double","int","float","long","null"]', encoder.datum(value));
    for (const value of [1, 1n, new Double(1), 0.1, null]) expect(back(value)).toStrictEqual(value as never);
  });

  test("a union of records takes the one whose fields they are", () => {
    const record = (name: string, ...fields: string[]): object => ({
      type: "record",
      name,
      fields: fields.map((field) => ({ name: field, type: ["null", "int"] })),
    });
    const schema = [record("A", "x"), record("B", "x", "y")];
    const encoder = new Encoder(schema);
    for (const value of [{ x: 1 }, { x: 1, y: null }]) {
      expect(decodeDatum(JSON.stringify(schema), encoder.datum(value))).toEqual(value as never);
    }
  });

  test("a recursive type", () => {
    const schema = { type: "record", name: "list", fields: [{ name: "next", type: ["null", "list"] }] };
    const value = { next: { next: { next: null } } };
    expect(decodeDatum(JSON.stringify(schema), new Encoder(schema).datum(value))).toEqual(value);
  });
});

describe("files for others", () => {
  test("another library reads what we write", async () => {
    for (const codec of ["null", "deflate"] as const) {
      const file = encodeContainer(SCHEMA, [row(1n), row(2n)], { codec });
      const decoder = new avsc.streams.BlockDecoder();
      const rows: unknown[] = [];
      decoder.on("data", (value) => rows.push(value));
      const end = new Promise((resolve, reject) => decoder.on("end", resolve).on("error", reject));
      decoder.end(file);
      await end;
      expect(rows).toMatchObject([
        { candid: 1, name: "x", stamp: Buffer.of(1, 2, 3) },
        { candid: 2, name: "x", stamp: Buffer.of(1, 2, 3) },
      ]);
    }
  });

  test("the same sync marker gives the same bytes, otherwise every file has its own", () => {
    const encode = (sync?: Uint8Array): Uint8Array =>
      encodeContainer(SCHEMA, [row(1n)], sync ? { sync } : {});
    expect(encode(SYNC)).toEqual(encode(SYNC));
    expect(encode()).not.toEqual(encode());
    expect(() => encode(SYNC.subarray(1))).toThrow(RangeError);
  });

  test("a reused encoder gives what a new one gives, also after a refused record", () => {
    const encoder = new Encoder(SCHEMA, { sync: SYNC });
    const first = encoder.container([row(1n)]);
    expect(() => encoder.container([row(2n), {}])).toThrow(EncodeError);
    expect(encoder.container([row(1n)])).toEqual(first);
    expect(first).toEqual(encodeContainer(SCHEMA, [row(1n)], { sync: SYNC }));
  });
});

describe("values that do not fit", () => {
  const schema = {
    type: "record",
    name: "alert",
    fields: [
      { name: "candid", type: "long" },
      {
        name: "rows",
        type: [
          "null",
          { type: "array", items: { type: "record", name: "row", fields: [{ name: "jd", type: "double" }] } },
        ],
      },
      { name: "band", type: { type: "enum", name: "band", symbols: ["g", "r"] } },
      { name: "id", type: ["int", "string"] },
    ],
  };
  const good = { candid: 1n, rows: [{ jd: 2.5 }], band: "g", id: 1 };

  test("what another type can hold exactly is taken", () => {
    expect(
      decodeDatum(JSON.stringify(schema), new Encoder(schema).datum({ ...good, candid: 5, rows: undefined })),
    ).toEqual({
      ...good,
      candid: 5n,
      rows: null,
    });
  });

  test.each<[change: Record<string, unknown>, message: string]>([
    [{ candid: "1" }, 'candid: expected long, found "1"'],
    [{ candid: 2n ** 63n }, "candid: expected long, found 9223372036854775808n"],
    [{ candid: 1.5 }, "candid: expected long, found 1.5"],
    [{ candid: undefined }, "candid: expected long, found nothing"],
    [{ rows: [{ jd: 1.5 }, { jd: "x" }] }, 'rows.1.jd: expected double, found "x"'],
    [{ rows: [7] }, "rows.0: expected a record row, found 7"],
    [{ band: "i" }, 'band: expected one of g, r, found "i"'],
    [{ id: 1n }, "id: expected int or string, found 1n"],
    [{ id: "\ud800" }, 'id: expected int or string, found "\\ud800"'],
  ])("%p", (change, message) => {
    expect(() => new Encoder(schema).datum({ ...good, ...change })).toThrow(message);
  });

  test("a value inside itself is refused", () => {
    const list = { type: "record", name: "list", fields: [{ name: "next", type: ["null", "list"] }] };
    const value: { next: unknown } = { next: null };
    value.next = value;
    expect(() => new Encoder(list).datum(value)).toThrow(/nested deeper/);
  });
});
