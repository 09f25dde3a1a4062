/** Fetches skymaps from addresses that users name: public hosts only, within limits of size and time. */
import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { badRequest } from "../errors.ts";

const MOST_BYTES = 256 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
const MOST_REDIRECTS = 5;
/** Addresses of one host that are tried. */
const MOST_ADDRESSES = 4;

export interface DownloadRules {
  /** Whether addresses of the own network may be asked, which is of use on a development machine. */
  readonly allowPrivate: boolean;
  /** The addresses of a host; those of the system when left out. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** Networks that are no one's in the internet: a user must not reach them through the server. */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const) {
  PRIVATE.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
  // Forms that carry an IPv4 address within them, too.
  ["::", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const) {
  PRIVATE.addSubnet(network, prefix, "ipv6");
}

/**
 * The bytes at an address. A host's name is looked up once, all its addresses are checked, and one of these is
 * connected to: a name that means another address the next time leads nowhere else. So for each redirection. Throws `HttpError` 400 that says what is wrong with it. */
export async function download(address: string, rules: DownloadRules): Promise<Uint8Array> {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let url = webAddress(address);
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const answer = await ask(url, await addressesOf(url, rules), limit);
    const location = answer.headers.get("location");
    if (answer.status >= 300 && answer.status < 400 && location !== null) {
      await answer.body?.cancel();
      if (!URL.canParse(location, url))
        throw badRequest(`skymap.url: ${url.host} redirects to what is no address`);
      url = webAddress(new URL(location, url).href);
      continue;
    }
    if (!answer.ok) throw badRequest(`skymap.url: ${url.host} answered ${answer.status}`);
    return readBody(answer);
  }
  throw badRequest(`skymap.url: more than ${MOST_REDIRECTS} redirections`);
}

/** Asks the first of the addresses that answers, as the host that the URL names. */
async function ask(url: URL, addresses: readonly string[], signal: AbortSignal): Promise<Response> {
  let failure: unknown;
  for (const address of addresses.slice(0, MOST_ADDRESSES)) {
    const place = new URL(url);
    place.hostname = isIP(address) === 6 ? `[${address}]` : address;
    const host = hostOf(url);
    try {
      return await fetch(place, {
        redirect: "manual",
        signal,
        headers: { host: url.host },
        // A connection that is kept was checked for another name of the same address.
        keepalive: false,
        // The certificate must be the named host's.
        ...(isIP(host) > 0 ? {} : { tls: { serverName: host } }),
      });
    } catch (error) {
      failure = error;
    }
  }
  const reason = failure instanceof Error ? failure.message : String(failure);
  throw badRequest(`skymap.url: ${url.host} cannot be reached: ${reason}`);
}

/** Without the brackets of an IPv6 address. */
const hostOf = (url: URL) => url.hostname.replace(/^\[|\]$/g, "");

async function readBody(answer: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of answer.body ?? []) {
      size += chunk.length;
      if (size > MOST_BYTES) throw badRequest(`skymap.url: the file is larger than ${MOST_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Error && error.name === "HttpError") throw error;
    throw badRequest(`skymap.url: the download broke off: ${error instanceof Error ? error.message : error}`);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function webAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw badRequest("skymap.url: expected an http:// or https:// address");
}

/** The addresses of a URL's host. Refuses those that are not public. */
async function addressesOf(url: URL, rules: DownloadRules): Promise<readonly string[]> {
  const host = hostOf(url);
  let addresses: readonly string[];
  try {
    addresses = isIP(host) > 0 ? [host] : await (rules.resolve ?? resolveHost)(host);
  } catch {
    addresses = [];
  }
  if (addresses.length === 0) throw badRequest(`skymap.url: there is no host ${host}`);
  if (!rules.allowPrivate && addresses.some(isPrivate)) {
    throw badRequest(
      `skymap.url: ${host} is an address of the server's own network (skymaps.allow_private_urls)`,
    );
  }
  return addresses;
}

async function resolveHost(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map((found) => found.address);
}

function isPrivate(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  const plain = mapped ?? address;
  return PRIVATE.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4");
}
