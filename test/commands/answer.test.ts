/** Reading an answer piece by piece gives what reading it whole gives. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { dataValues, prettyJson } from "../../src/commands/answer.ts";

async function* inPieces(text: string, lengths: readonly number[]): AsyncGenerator<string> {
  let at = 0;
  for (let n = 0; at < text.length; n++) {
    const length = lengths[n % lengths.length] ?? 1;
    yield text.slice(at, at + length);
    at += length;
  }
}

async function read(text: string, lengths: readonly number[] = [1000]): Promise<string[]> {
  const values: string[] = [];
  for await (const value of dataValues(inPieces(text, lengths))) values.push(value);
  return values;
}

const envelope = (message: string, data: unknown) => JSON.stringify({ status: "success", message, data });

describe("the values of an answer", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });

  test("of an array are its elements, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue()), fc.string(), lengths, async (data, message, cut) => {
        expect(await read(envelope(message, data), cut)).toEqual(data.map((item) => JSON.stringify(item)));
      }),
    );
  });

  test("of anything else are the value", async () => {
    const value = fc.jsonValue().filter((item) => !Array.isArray(item));
    await fc.assert(
      fc.asyncProperty(value, fc.string(), lengths, async (data, message, cut) => {
        expect(await read(envelope(message, data), cut)).toEqual([JSON.stringify(data)]);
      }),
    );
  });

  test("without data are none", async () => {
    expect(await read('{"status":"success","message":"\\"data\\":[1]"}', [3])).toEqual([]);
  });
});

test("lines for people keep every digit", () => {
  expect(prettyJson('{"candid":1127561440015015001,"exptime":30.0,"list":[1,2.50]}')).toBe(
    '{\n  "candid": 1127561440015015001,\n  "exptime": 30.0,\n  "list": [\n    1,\n    2.50\n  ]\n}',
  );
});
