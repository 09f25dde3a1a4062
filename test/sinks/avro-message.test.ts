/** The Avro form of a match: what is read from it is what was stored. */
import { describe, expect, test } from "bun:test";
import { Decimal128, Double, ObjectId } from "bson";
import fc from "fast-check";
import { type AvroRecord, decodeContainer } from "../../src/avro/index.ts";
import { type Document, double, isDocument, type Value } from "../../src/query/index.ts";
import { avroMessage } from "../../src/sinks/kafka/avro-message.ts";
import { pythonWith } from "../support/python.ts";
import { skipOrFail } from "../support/services.ts";
import { matchFor } from "./support.ts";

const python = await pythonWith("fastavro", ["fastavro==1.12.1"]);
const noPython = skipOrFail("a Python with fastavro", typeof python === "string", String(python));

const read = (bytes: Uint8Array): AvroRecord => {
  const [record] = decodeContainer(bytes);
  if (record === undefined) throw new Error("the message holds no record");
  return record;
};

const MATCH = matchFor(1127561440015015001n, "ZTF20aahgyet", {
  filter_id: 7,
  group_id: 3,
  annotations: { drb: 0.99, whole: new Double(30), at: new Date(1_700_000_000_000), none: null },
});

const values = fc.letrec<{ value: Value; document: Document }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double({ noNaN: true }).map(double),
    fc.string(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 4 }),
    fc.array(tie("value"), { maxLength: 3 }),
    tie("document"),
  ),
  document: fc.dictionary(fc.constantFrom("a", "b", "a_b", "constructor", "2mass", "x y"), tie("value"), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
}));

/** Dates as milliseconds, fields that are null left out, as an absent field is. */
function plain(value: Value): Value {
  if (value instanceof Date) return BigInt(value.getTime());
  if (Array.isArray(value)) return value.map(plain);
  if (!isDocument(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null && item !== undefined);
  return Object.fromEntries(entries.map(([field, item]) => [field, plain(item as Value)]));
}

describe("the Avro form of a match", () => {
  test("has the match and the alert with their types", () => {
    const alert = { _id: 5n, candid: 5n, candidate: { magpsf: new Double(18), fid: 1, drb: null } };
    const record = read(avroMessage("ZTF/5/3/7", MATCH, alert));
    expect(record).toMatchObject({
      id: "ZTF/5/3/7",
      candid: 1127561440015015001n,
      objectId: "ZTF20aahgyet",
      filter: "3/7",
      filter_id: 7,
      passed_at: 1_700_000_000_000n,
      backfill: false,
      annotations: { drb: 0.99, whole: new Double(30), at: 1_700_000_000_000n, none: null },
      alert: { candid: 5n, candidate: { magpsf: new Double(18), fid: 1, drb: null } },
    });
  });

  test("writes what Avro has no type for as text", () => {
    const alert = {
      id: new ObjectId("65a000000000000000000000"),
      price: Decimal128.fromString("1.50"),
      torn: "\ud800",
      never: new Date(Number.NaN),
    };
    expect(read(avroMessage("x", MATCH, alert))["alert"]).toEqual({
      id: '{"$oid":"65a000000000000000000000"}',
      price: '{"$numberDecimal":"1.50"}',
      torn: "\ufffd",
      never: null,
    });
  });

  test("gives back any document", () => {
    fc.assert(
      fc.property(values.document, (alert) => {
        const record = read(avroMessage("x", MATCH, alert));
        expect(plain(record["alert"] as Value)).toEqual(plain(alert));
      }),
      { numRuns: 500 },
    );
  });

  test.skipIf(noPython)("is read by another library", () => {
    const alert = { candid: 2n ** 62n, rows: [{ a: 1 }, { b: [1.5, "x"] }, null], "2mass": { "j k": 3 } };
    const script =
      "import fastavro, sys; r = list(fastavro.reader(sys.stdin.buffer))[0]; print(r['alert'], r['passed_at'].isoformat())";
    const { stdout, stderr } = Bun.spawnSync([String(python), "-c", script], {
      stdin: avroMessage("x", MATCH, alert),
    });
    expect(stderr.toString()).toBe("");
    expect(stdout.toString().trim()).toBe(
      "{'candid': 4611686018427387904, 'rows': [{'a': 1, 'b': None}, {'a': None, 'b': [1.5, 'x']}, None], '2mass': {'j k': 3}} 2023-11-14T22:13:20+00:00",
    );
  });
});
