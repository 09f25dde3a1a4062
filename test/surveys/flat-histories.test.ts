/** Histories left in the bytes of their packet are those of decoded packets: rows, keys, errors, stored bytes. */
import { describe, expect, test } from "bun:test";
import { Double } from "bson";
import fc from "fast-check";
import { encodeContainer, openContainer } from "../../src/avro/index.ts";
import type { Document } from "../../src/query/index.ts";
import { type EncodedRows, partsOf } from "../../src/store/embedded/encoder.ts";
import { type AlertRecord, embeddedEncoder } from "../../src/store/index.ts";
import { surveyForSchema } from "../../src/surveys/index.ts";

const optional = (type: string) => ["null", type];
const boxed = (value: number): number | Double => (Number.isInteger(value) ? new Double(value) : value);
const float = fc.oneof(
  fc.float().map(boxed),
  fc.constantFrom(Number.NaN, -99999, 30, -0, 0.5, 17.25).map(boxed),
);
const double = fc.oneof(fc.double().map(boxed), fc.constantFrom(Number.NaN, -99999, 30, -0).map(boxed));
const int = fc.oneof(fc.integer(), fc.constantFrom(-99999, -1, 0, 127, 128, -32768, 32768));
const long = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(-99999n, 0n, -64n, 64n, 1127561440015015001n),
);
const text = fc.oneof(
  fc.constantFrom("", "t", "é", "null", "x".repeat(63), "x".repeat(64), "x".repeat(255), "x".repeat(256)),
  fc.string({ unit: "grapheme", maxLength: 30 }),
);
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 5 });
/** Times that repeat, out of order. */
const time = fc.constantFrom(2458881.5123, 2458881.75, 2458883.625, 2458880.1, 2458884.5).map(boxed);

const EXTRA = Array.from({ length: 12 }, (_, n) => `extra${n}`);
const FIELDS: readonly (readonly [string, unknown, fc.Arbitrary<unknown>])[] = [
  ["jd", "double", time],
  ["pid", optional("long"), orNull(long)],
  ["candid", optional("long"), orNull(long)],
  ["forcediffimflux", optional("float"), orNull(float)],
  ["forcediffimfluxunc", optional("float"), orNull(float)],
  ["magzpsci", ["double", "null"], orNull(double)],
  ["fid", "int", int],
  ["nid", optional("int"), orNull(int)],
  ["tblid", "long", long],
  ["isdiffpos", optional("string"), orNull(text)],
  ["name", "string", text],
  ["good", optional("boolean"), orNull(fc.boolean())],
  ["odd", "bytes", fc.uint8Array({ maxLength: 5 })],
  ["constructor", optional("float"), orNull(float)],
  ...EXTRA.map((name) => [name, optional("float"), orNull(float)] as const),
];

const rowType = (name: string, fields = FIELDS) => ({
  type: "record",
  name,
  fields: fields.map(([field, type]) => ({ name: field, type })),
});
const schemaWith = (previous: unknown, forced: unknown) => ({
  type: "record",
  name: "alert",
  namespace: "ztf",
  fields: [
    { name: "objectId", type: "string" },
    { name: "candid", type: "long" },
    {
      name: "candidate",
      type: {
        type: "record",
        name: "candidate",
        fields: ["jd", "ra", "dec", "magpsf", "jdstarthist"].map((name) => ({ name, type: "double" })),
      },
    },
    { name: "prv_candidates", type: ["null", { type: "array", items: previous }] },
    { name: "fp_hists", type: [{ type: "array", items: forced }, "null"] },
  ],
});
const SCHEMA = schemaWith(rowType("prv"), rowType("fp"));

const rows = fc.array(fc.record(Object.fromEntries(FIELDS.map(([name, , value]) => [name, value]))), {
  maxLength: 6,
});
const alerts = fc.record({
  objectId: fc.constant("ZTF20aaaaaaa"),
  candid: fc.constant(1127561440015015001n),
  candidate: fc.record({
    jd: fc.constant(2458885.5),
    ra: fc.constant(10.5),
    dec: fc.constant(-20.25),
    magpsf: fc.constantFrom(18.5, Number.NaN, new Double(18)),
    jdstarthist: fc.constant(2458885.25),
  }),
  prv_candidates: orNull(rows),
  fp_hists: orNull(rows),
});

/** The alerts of a container, histories decoded or left in their bytes; where it cannot be read, why. */
function mapped(file: Uint8Array, isFlat: boolean): AlertRecord[] | string {
  try {
    const container = openContainer(file);
    const survey = surveyForSchema(container.schemaName, container.fieldNames);
    if (survey?.flatFields === undefined) throw new Error("not of a survey with flat fields");
    const packets = [...container.records(isFlat ? survey.flatFields : undefined)];
    return packets.map((packet) => survey.map(packet as Document));
  } catch (error) {
    return String(error);
  }
}

/** What a history comes to in the store. */
function stored(alert: AlertRecord) {
  const { histories } = embeddedEncoder().encode(alert).rows as EncodedRows;
  return histories.map(({ piece, ...rest }) => {
    const { keys, ends, rowShapes, rows: bytes } = partsOf(piece, rest.count);
    // Their first four bytes are filled in by the writer.
    for (let i = 0; i < ends.length; i++) bytes.fill(0, i === 0 ? 0 : ends[i - 1], (ends[i - 1] ?? 0) + 4);
    return { ...rest, keys, ends, rowShapes, bytes: Buffer.from(bytes).toString("hex") };
  });
}

function expectSame(file: Uint8Array): void {
  const [decoded, flat] = [mapped(file, false), mapped(file, true)];
  if (typeof decoded === "string" || typeof flat === "string") {
    expect(flat).toEqual(decoded);
    return;
  }
  expect(flat.length).toBe(decoded.length);
  decoded.forEach((alert, index) => {
    const other = flat[index] as AlertRecord;
    expect(stored(other)).toEqual(stored(alert));
    expect(other.document).toEqual(alert.document);
    alert.histories.forEach(({ flat: _, ...history }, n) => {
      const { flat: inBytes, ...same } = other.histories[n] as (typeof other.histories)[number];
      expect(same).toStrictEqual({ ...history });
      expect(same.rows.map(Object.keys)).toEqual(history.rows.map(Object.keys));
      if (history.rows.length > 0) expect(inBytes).toBeDefined();
    });
  });
}

describe("histories in the bytes of their packet", () => {
  test("are those of the decoded packet", () => {
    fc.assert(
      fc.property(alerts, fc.constantFrom("null", "deflate"), (alert, codec) => {
        expectSame(encodeContainer(SCHEMA, [alert, alert], { codec: codec as "null" }));
      }),
      { numRuns: 150 },
    );
  });

  test("of a damaged packet fail as it does", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(alerts, damage, (alert, bytes) => {
        const file = encodeContainer(SCHEMA, [alert]);
        const start = Buffer.from(file).lastIndexOf("ZTF20aaaaaaa");
        for (const [at, byte] of bytes) file[start + 12 + (at % (file.length - start - 12))] = byte;
        expectSame(file);
      }),
      { numRuns: 300 },
    );
  });

  test("that bring fields of their own under the names of derived ones are decoded", () => {
    const fields = [...FIELDS, ["alert_mag", "float", float] as const];
    const schema = schemaWith(rowType("prv"), rowType("fp", fields));
    const [sample] = fc.sample(alerts, { numRuns: 1, seed: 7 });
    const [row] = fc.sample(rows, { numRuns: 1, seed: 3 }).flat();
    const file = encodeContainer(schema, [{ ...sample, fp_hists: [{ ...row, jd: 1.5, alert_mag: 3.5 }] }]);
    const [decoded] = mapped(file, false) as AlertRecord[];
    const [flat] = mapped(file, true) as AlertRecord[];
    expect(flat?.histories[1]?.flat).toBeUndefined();
    expect(flat?.histories[1]?.rows).toEqual(decoded?.histories[1]?.rows ?? []);
    expect(flat?.histories[1]?.rows).toHaveLength(1);
  });
});
