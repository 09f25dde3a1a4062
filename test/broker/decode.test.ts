import { describe, expect, test } from "bun:test";
import { encodeContainer } from "../../src/avro/index.ts";
import { decodePacket, encodePacket } from "../../src/broker/decode.ts";
import { embeddedEncoder } from "../../src/store/index.ts";
import { Copier, realPackets } from "../support/packets.ts";
import { sharedDir } from "../support/shared.ts";

const hasPackets = sharedDir() !== undefined;
if (!hasPackets)
  process.stderr.write("skipped: decoding of real packets (no ../shared beside this checkout)\n");

const encoder = embeddedEncoder();
const decode = (bytes: Uint8Array) => encodePacket(decodePacket({ bytes, key: "1", place: "here" }), encoder);

const STRANGER = {
  type: "record",
  name: "alert",
  namespace: "elsewhere",
  fields: [{ name: "id", type: "long" }],
};

describe("decodePacket", () => {
  test("passes on what its source found wrong", () => {
    const fault = { reason: "OversizedPacketError", message: "too large" };
    const packet = { bytes: new Uint8Array(), key: "1", place: "here", fault };
    expect(encodePacket(decodePacket(packet), encoder)).toEqual({ alerts: [], records: [], fault });
  });

  test("names what is no packet, and packets that no survey publishes", () => {
    expect(decode(new Uint8Array()).fault?.reason).toBe("EmptyInputError");
    expect(decode(new TextEncoder().encode("no packet")).fault?.reason).toBe("WrongMagicError");
    const { fault, survey, alerts } = decode(encodeContainer(STRANGER, [{ id: 1n }]));
    expect(fault?.reason).toBe("UnknownSurveyError");
    expect(fault?.message).toContain("elsewhere.alert");
    expect(survey).toBeUndefined();
    expect(alerts).toEqual([]);
  });

  test.if(hasPackets)("gives every alert of a packet, in its order, as rows and as objects", () => {
    const { bytes } = new Copier(realPackets()[0]?.bytes ?? new Uint8Array()).packet(3);
    const { alerts, records, survey, fault } = decode(bytes);
    expect(fault).toBeUndefined();
    expect(survey).toBe("ZTF");
    expect(alerts.map(({ candid }) => candid)).toEqual(records.map(({ candid }) => candid));
    expect(alerts).toHaveLength(3);
  });

  test.if(hasPackets)("keeps the alerts before a fault", () => {
    const { bytes } = new Copier(realPackets()[0]?.bytes ?? new Uint8Array()).packet(5);
    const { alerts, records, survey, fault } = decode(bytes.subarray(0, bytes.length - 1));
    expect(fault?.reason).toBe("TornFileError");
    expect(survey).toBe("ZTF");
    expect(alerts.length).toBeGreaterThan(0);
    expect(alerts.length).toBeLessThan(5);
    expect(records.length).toBe(alerts.length);
  });
});
