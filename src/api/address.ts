/** The address of a client: the peer's, or what a trusted proxy says it is. */
import { BlockList, isIP } from "node:net";
import { ConfigError } from "../config/index.ts";

/** Tells whether an address is in one of the configured addresses or networks. Throws `ConfigError`. */
export function proxyList(trusted: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  trusted.forEach((entry, index) => {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address);
    const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
    if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) {
      const reason = `expected an address or a network such as 10.0.0.0/8, got ${entry}`;
      throw new ConfigError(`server.trusted_proxies[${index}]`, reason, "configuration");
    }
    list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  });
  return (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 4 ? "ipv4" : "ipv6");
}

/**
 * The client's address: going back through `X-Forwarded-For` as long as the one who says so is trusted.
 * Whoever is not trusted cannot pretend to be another.
 */
export function clientAddress(
  peer: string,
  forwarded: string | null,
  isTrusted: (address: string) => boolean,
): string {
  const hops = (forwarded ?? "")
    .split(",")
    .map((hop) => hop.trim())
    .filter((hop) => hop !== "");
  let address = plain(peer);
  while (isTrusted(address)) {
    const next = hops.pop();
    if (next === undefined) break;
    address = plain(next);
  }
  return address;
}

/** An IPv4 address that came in IPv6 clothes. */
const plain = (address: string) => address.replace(/^::ffff:(?=\d+\.)/i, "");
