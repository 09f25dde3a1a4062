/** Confluent's framing, on made messages and on a real LSST one. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { decodeDatum, Encoder, readConfluentFrame } from "../../src/avro/index.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";
import { row, SCHEMA } from "./support.ts";

const datum = new Encoder(SCHEMA).datum(row(7n));

test("a frame is a zero, a schema number and the value", () => {
  const frame = readConfluentFrame(Uint8Array.of(0, 0, 0, 3, 0x84, ...datum));
  expect(frame.schemaId).toBe(900);
  expect(decodeDatum(SCHEMA, frame.payload)).toEqual(row(7n) as never);
  expect(decodeDatum(new TextEncoder().encode(SCHEMA), frame.payload)).toEqual(row(7n) as never);
});

test("a value may be of any type", () => {
  expect(decodeDatum('"long"', Uint8Array.of(4))).toBe(2n);
  expect(decodeDatum("string", Uint8Array.of(4, 0x68, 0x69))).toBe("hi");
});

test("wrong frames have named errors", () => {
  const errors: [number[], string][] = [
    [[], "EmptyInputError"],
    [[1, 0, 0, 0, 1], "WrongMagicError"],
    [[0, 0, 0], "TornFileError"],
  ];
  for (const [bytes, name] of errors) {
    expect(() => readConfluentFrame(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ name }));
  }
  expect(() => decodeDatum(SCHEMA, datum.subarray(1))).toThrow(/left|length/);
  expect(() => decodeDatum(SCHEMA, Uint8Array.of(...datum, 0))).toThrow(/its value took/);
});

describe.skipIf(sharedDir() === undefined)("a real LSST message", () => {
  test("decodes with the schema of its number, put together from the survey's files", () => {
    const { schemaId, payload } = readConfluentFrame(
      readFileSync(sharedPath("data", "lsst", "7912941781254298.avro")),
    );
    expect(schemaId).toBe(900);
    const alert = decodeDatum(JSON.stringify(lsstSchema("9_0")), payload) as Record<
      string,
      Record<string, unknown>
    >;
    expect(alert["diaSourceId"] as unknown).toBe(alert["diaSource"]?.["diaSourceId"]);
    expect(typeof alert["diaSource"]?.["diaSourceId"]).toBe("bigint");
    expect(typeof alert["diaSource"]?.["band"]).toBe("string");
    expect((alert["cutoutDifference"] as unknown as Uint8Array).length).toBeGreaterThan(10_000);
  });
});

/** The alert schema with the types of its sibling files put in where they are first named. */
function lsstSchema(version: string): unknown {
  const done = new Set<string>();
  const load = (name: string): unknown => {
    done.add(name);
    const file = sharedPath("data", "lsst", "schema", version, `${name.replace("lsst.v", "lsst.v")}.avsc`);
    return resolve(JSON.parse(readFileSync(file, "utf8")));
  };
  const resolve = (type: unknown): unknown => {
    if (typeof type === "string") return type.startsWith("lsst.") && !done.has(type) ? load(type) : type;
    if (Array.isArray(type)) return type.map(resolve);
    if (typeof type !== "object" || type === null) return type;
    const object = type as Record<string, unknown>;
    const nested = ["type", "items", "fields"].filter((key) => key in object && key !== "name");
    return { ...object, ...Object.fromEntries(nested.map((key) => [key, resolve(object[key])])) };
  };
  return load(`lsst.v${version}.alert`);
}
