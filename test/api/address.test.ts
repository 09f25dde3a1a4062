/** Whose address counts, behind which proxies. */
import { describe, expect, test } from "bun:test";
import { clientAddress, proxyList } from "../../src/api/address.ts";

describe("the client's address", () => {
  const isTrusted = proxyList(["10.0.0.0/8", "192.168.1.1", "fd00::/8"]);
  const cases: [peer: string, forwarded: string | null, address: string][] = [
    ["203.0.113.9", null, "203.0.113.9"],
    ["203.0.113.9", "198.51.100.1", "203.0.113.9"],
    ["10.1.2.3", "198.51.100.1", "198.51.100.1"],
    ["10.1.2.3", "6.6.6.6, 198.51.100.1", "198.51.100.1"],
    ["10.1.2.3", "198.51.100.1, 10.9.9.9", "198.51.100.1"],
    ["192.168.1.1", " 198.51.100.1 ,, 10.9.9.9 ", "198.51.100.1"],
    ["192.168.1.2", "198.51.100.1", "192.168.1.2"],
    ["fd00::1", "198.51.100.1", "198.51.100.1"],
    ["::ffff:10.1.2.3", "::ffff:198.51.100.1", "198.51.100.1"],
    ["10.1.2.3", null, "10.1.2.3"],
    ["10.1.2.3", "nonsense", "nonsense"],
  ];
  for (const [peer, forwarded, address] of cases) {
    test(`${peer} with ${forwarded ?? "nothing"} is ${address}`, () => {
      expect(clientAddress(peer, forwarded, isTrusted)).toBe(address);
    });
  }

  test("a wrong entry is named", () => {
    for (const entry of ["10.0.0.0/33", "proxy", "10.0.0.0/x", "fd00::/129", ""]) {
      expect(() => proxyList(["127.0.0.1", entry])).toThrow("server.trusted_proxies[1]");
    }
  });
});
