/** Skymaps from addresses that users name: which of them are asked, and by what name. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { download } from "../../src/api/skymaps/download.ts";
import { selfSigned } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";

const PUBLIC = "198.51.100.7";
const folder = temporaryFolder();
const asked: string[] = [];
let plain: Bun.Server<undefined>;
let secure: Bun.Server<undefined>;
let certificate = "";

beforeAll(async () => {
  const made = await selfSigned(folder.path);
  certificate = made.certificate;
  const fetch = (request: Request): Response => {
    const { pathname } = new URL(request.url);
    asked.push(`${request.headers.get("host")}${pathname}`);
    const target = /^\/to\/(.+)$/.exec(pathname)?.[1];
    return target === undefined ? new Response("map") : Response.redirect(decodeURIComponent(target), 302);
  };
  plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch });
  const pem = readFileSync(made.both, "utf8");
  secure = Bun.serve({ port: 0, hostname: "127.0.0.1", tls: { key: pem, cert: pem }, fetch });
});
afterAll(async () => {
  await plain.stop(true);
  await secure.stop(true);
  folder[Symbol.dispose]();
});

/** A name server that tells another address each time it is asked, the last one from then on. */
function changing(...answers: (readonly string[])[]) {
  const names: string[] = [];
  const resolve = async (host: string) => answers[Math.min(names.push(host), answers.length) - 1] ?? [];
  return { names, resolve };
}

describe("what is not reached", () => {
  test("addresses of the server's own network", async () => {
    for (const url of [
      plain.url.href,
      "http://[::1]/x",
      "http://169.254.169.254/latest",
      "http://localhost:1/x",
      "http://[::ffff:10.0.0.1]/",
      "http://[::10.0.0.1]/",
      "http://[2002:a00:1::]/",
      "http://[64:ff9b:1::a00:1]/",
    ]) {
      await expect(download(url, { allowPrivate: false })).rejects.toThrow("own network");
    }
  });
  test("a host one of whose addresses is of the own network", async () => {
    const { resolve } = changing([PUBLIC, "10.0.0.1"]);
    await expect(download("http://maps.example/x", { allowPrivate: false, resolve })).rejects.toThrow(
      "maps.example is an address of the server's own network",
    );
  });
  test("a host without addresses", async () => {
    const { resolve } = changing([]);
    await expect(download("http://maps.example/x", { allowPrivate: false, resolve })).rejects.toThrow(
      "there is no host maps.example",
    );
  });
});

describe("a name is looked up once, and that address is asked", () => {
  test("whatever the name means the next time", async () => {
    const before = asked.length;
    const { names, resolve } = changing(["127.0.0.1"], ["127.0.0.2"]);
    const bytes = await download(`http://maps.example:${plain.port}/a.fits`, { allowPrivate: true, resolve });
    expect(Buffer.from(bytes).toString()).toBe("map");
    expect(names).toEqual(["maps.example"]);
    expect(asked.slice(before)).toEqual([`maps.example:${plain.port}/a.fits`]);
  });
  test("one that means the own network the second time is not asked there", async () => {
    const before = asked.length;
    const { names, resolve } = changing([PUBLIC], ["127.0.0.1"]);
    const url = `http://maps.example:${plain.port}/a.fits`;
    const done = download(url, { allowPrivate: false, resolve }).then(
      () => "done",
      () => "failed",
    );
    // The public address is one of the documentation's (RFC 5737), where nobody answers.
    await Promise.race([done, Bun.sleep(300)]);
    expect(names).toEqual(["maps.example"]);
    expect(asked.slice(before)).toEqual([]);
  });
  test("each redirection is looked up and checked for itself", async () => {
    const { names, resolve } = changing(["127.0.0.1"], ["127.0.0.1"], []);
    const last = `http://third.example:${plain.port}/b`;
    const second = `http://second.example:${plain.port}/to/${encodeURIComponent(last)}`;
    const url = `http://first.example:${plain.port}/to/${encodeURIComponent(second)}`;
    await expect(download(url, { allowPrivate: true, resolve })).rejects.toThrow(
      "there is no host third.example",
    );
    expect(names).toEqual(["first.example", "second.example", "third.example"]);
  });
  test("the next address where the first does not answer", async () => {
    const closed = Bun.serve({ port: 0, hostname: "127.0.0.2", fetch: () => new Response("other") });
    const port = closed.port ?? 0;
    await closed.stop(true);
    const open = Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response("map") });
    const { resolve } = changing(["127.0.0.2", "127.0.0.1"]);
    const bytes = await download(`http://maps.example:${port}/`, { allowPrivate: true, resolve });
    expect(Buffer.from(bytes).toString()).toBe("map");
    await open.stop(true);
  });
});

describe("over TLS", () => {
  /** In a process of its own that trusts the test's certificate, which is of localhost and 127.0.0.1. */
  async function downloaded(host: string): Promise<string> {
    const module = new URL("../../src/api/skymaps/download.ts", import.meta.url).href;
    const code = `
      const { download } = await import(${JSON.stringify(module)});
      const rules = { allowPrivate: true, resolve: async () => ["127.0.0.1"] };
      const told = await download("https://${host}:${secure.port}/c.fits", rules).then((bytes) => Buffer.from(bytes).toString(), (error) => error.message);
      console.log(told);`;
    const child = Bun.spawn([process.execPath, "-e", code], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate },
      stdout: "pipe",
    });
    return (await new Response(child.stdout).text()).trim();
  }
  test("the certificate must be of the host that was named, not of its address", async () => {
    expect(await downloaded("localhost")).toBe("map");
    expect(await downloaded("maps.example")).toContain("ALTNAME");
  });
});
