/** `/api/skymap`: packets whose map is not to be had, addresses, names and numbers as clients write them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Document, isDocument } from "../../src/query/index.ts";
import { openTestApi, type TestApi } from "../support/api.ts";

const DATE = "2023-10-12T01:02:03";
let api: TestApi;
let host: string;
let server: { stop(force: boolean): Promise<void> };
/** What the host answers, and what it was asked for. */
const served = new Map<string, Uint8Array<ArrayBuffer> | string>();
const asked: string[] = [];

/** A multi-order map with all its probability in one cell of order 2. */
function mapFile(cell: number): Uint8Array<ArrayBuffer> {
  const card = (key: string, value: string) => `${key.padEnd(8)}= ${value.padStart(20)}`.padEnd(80);
  const block = (cards: string[]) => [...cards, "END".padEnd(80)].join("").padEnd(2880);
  const first = block([card("SIMPLE", "T"), card("BITPIX", "8"), card("NAXIS", "0"), card("EXTEND", "T")]);
  const text = (value: string) => `'${value.padEnd(8)}'`.padEnd(20);
  const table = block([
    card("XTENSION", text("BINTABLE")),
    ...[card("BITPIX", "8"), card("NAXIS", "2"), card("NAXIS1", "16"), card("NAXIS2", "192")],
    ...[card("PCOUNT", "0"), card("GCOUNT", "1"), card("TFIELDS", "2"), card("TTYPE1", text("UNIQ"))],
    ...[card("TFORM1", text("K")), card("TTYPE2", text("PROBDENSITY")), card("TFORM2", text("D"))],
    card("ORDERING", text("NUNIQ")),
  ]);
  const rows = new DataView(new ArrayBuffer(Math.ceil((192 * 16) / 2880) * 2880));
  for (let row = 0; row < 192; row++) {
    rows.setBigInt64(16 * row, BigInt(64 + row));
    rows.setFloat64(16 * row + 8, row === cell ? 1 : 0);
  }
  return new Uint8Array(Buffer.concat([Buffer.from(first + table), new Uint8Array(rows.buffer)]));
}

beforeAll(async () => {
  api = await openTestApi({ skymaps: { allow_private_urls: true } });
  const listening = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      asked.push(pathname + search);
      if (pathname === "/lost") return new Response(null, { status: 302, headers: { location: "http://" } });
      const file = served.get(pathname);
      return file === undefined ? new Response("no", { status: 404 }) : new Response(file);
    },
  });
  host = `http://127.0.0.1:${listening.port}`;
  server = { stop: (force) => listening.stop(force) };
});
afterAll(async () => {
  await server.stop(true);
  await api.close();
});

const put = async (body: object) => {
  const { status, text } = await api.ask("ada", "PUT", "/api/skymap", body);
  return [status, text] as const;
};

interface Packet {
  readonly trigger?: string;
  readonly url?: string;
  readonly time?: string;
  readonly head?: string;
}

function packet({ trigger = "7", url, time = DATE, head = "" }: Packet): string {
  const map = url === undefined ? "" : `<Param name="skymap_fits" value="${url}"/>`;
  return `<?xml version="1.0"?>${head}
<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" ivorn="ivo://gwnet/test#1" role="observation" version="2.0">
  <What><Param name="TrigID" value="${trigger}"/>${map}</What>
  <WhereWhen><ObsDataLocation><ObservationLocation><AstroCoords>
    <Time><TimeInstant><ISOTime>${time}</ISOTime></TimeInstant></Time>
    <Position2D><Value2><C1>48.0</C1><C2>9.0</C2></Value2><Error2Radius>2.0</Error2Radius></Position2D>
  </AstroCoords></ObservationLocation></ObsDataLocation></WhereWhen>
</voe:VOEvent>`;
}

const CIRCLE = "48.00000_9.00000_2.00000";
const MANY = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x "&b;&b;&b;">]>';
const FILE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>';

describe("a packet's map", () => {
  /** Names and levels of the skymaps of a trigger, from the store. */
  const stored = async (triggerid: number) => {
    const found = await api.store
      .find({ collection: "skymaps", filter: { triggerid }, maxTimeMs: 10_000 })
      .documents();
    const all: string[] = [];
    for await (const { localization_name, contours } of found) {
      const levels = isDocument(contours) ? Object.keys(contours).filter((name) => name !== "center") : [];
      all.push(`${localization_name}: ${levels.toSorted().join(" ")}`);
    }
    return all.toSorted();
  };

  for (const [name, trigger, broken] of [
    ["that is not there yet", 101, undefined],
    ["that is no FITS file yet", 102, "<html>come back later</html>"],
    ["that is cut off yet", 103, mapFile(5).subarray(0, 6000)],
  ] as const) {
    test(`${name}: the circle is kept under its own name, the map later under its own`, async () => {
      const file = `${trigger}.fits`;
      const time = `2023-10-12T01:02:${trigger - 90}`;
      const voevent = packet({ trigger: `${trigger}`, url: `${host}/${file}`, time });
      if (broken !== undefined) served.set(`/${file}`, broken);
      const [status, text] = await put({ voevent, contours: 90 });
      expect([status, text]).toEqual([200, expect.stringContaining(`"localization_name":"${CIRCLE}"`)]);
      expect(await put({ voevent, contours: 90 })).toEqual([409, expect.stringContaining(CIRCLE)]);
      // The map appears, and its level is not that of the circle.
      served.set(`/${file}`, mapFile(5));
      expect(await put({ voevent, contours: 90 })).toEqual([200, expect.stringContaining(`"${file}"`)]);
      expect(await put({ voevent, contours: 90 })).toEqual([409, expect.stringContaining(`"${file}"`)]);
      // It is gone again: another level is the circle's, not the map's.
      served.delete(`/${file}`);
      expect(await put({ voevent, contours: 50 })).toEqual([200, expect.stringContaining(CIRCLE)]);
      expect(await stored(trigger)).toEqual(
        [`${file}: contour90`, `${CIRCLE}: contour50 contour90`].toSorted(),
      );
    });
  }

  test("without a circle: what is wrong with the map is told", async () => {
    served.set("/page.fits", "no FITS");
    const voevent = packet({ url: `${host}/page.fits` }).replace(/<Position2D>.*<\/Position2D>/, "");
    expect(await put({ voevent })).toEqual([400, expect.stringContaining("FITS")]);
  });

  test("its address may have characters that XML escapes", async () => {
    served.set("/escaped.fits", mapFile(7));
    const url = `${host}/escaped.fits?a=1&amp;b=&lt;2&gt;&#38;c=&quot;&#x26;d=&apos;`;
    const [status, text] = await put({ voevent: packet({ url, time: "2024-01-01T00:00:00" }) });
    expect([status, text]).toEqual([200, expect.stringContaining('"escaped.fits"')]);
    expect(asked.at(-1)?.replaceAll("%3C", "<").replaceAll("%3E", ">").replaceAll("%22", '"')).toMatch(
      /^\/escaped\.fits\?a=1&b=<2>&c="&d=('|%27)$/,
    );
  });

  test("what is escaped twice is decoded once", async () => {
    const [status] = await put({
      voevent: packet({ trigger: "&amp;amp;&#38;lt;", time: "2024-01-02T00:00:00" }),
    });
    expect(status).toBe(200);
    const { text } = await api.ask("ada", "GET", "/api/skymap?dateobs=2024-01-02T00:00:00");
    expect(text).toContain('"triggerid":"&amp;&lt;"');
  });

  for (const [name, head] of [
    ["a file", FILE],
    ["another entity many times", MANY],
    ["nothing", "<!DOCTYPE voe:VOEvent>"],
  ] as const) {
    test(`a document type whose entity means ${name} is refused`, async () => {
      const [status, text] = await put({ voevent: packet({ trigger: "&x;", head }) });
      expect([status, text]).toEqual([400, expect.stringContaining("voevent: ")]);
      expect(text).not.toContain("root:");
      expect(text).not.toContain("aaaa");
    });
  }
});

describe("addresses that are none", () => {
  for (const url of [
    "gracedb.ligo.org/a.fits",
    "not a url",
    "//x",
    "http://",
    "http:///",
    "ftp://a/b",
    "x:y",
  ]) {
    test(`${url} is refused with the field's name`, async () => {
      const [status, text] = await put({ dateobs: DATE, skymap: { url } });
      expect([status, text]).toEqual([400, expect.stringContaining("skymap.url: ")]);
    });
  }
  test("so is a redirection to one", async () => {
    const [status, text] = await put({ dateobs: DATE, skymap: { url: `${host}/lost` } });
    expect([status, text]).toEqual([400, expect.stringContaining("skymap.url: ")]);
    expect(text).toContain("redirects");
  });
});

describe("triggers of more digits than a double has", () => {
  const skymap = { ra: 10, dec: 20, error: 1 };
  for (const [stored, second] of [
    ["9007199254740993123", 1],
    ["9007199254740993", 2],
    ["9223372036854775807", 3],
    ["-9223372036854775808", 4],
    ['"9007199254740993124"', 5],
    ["1234567890123456", 6],
  ] as const) {
    test(`${stored} is found, extended and removed, but not its neighbour`, async () => {
      const dateobs = `2024-03-01T00:00:0${second}`;
      const body = (contours: number) =>
        `{"dateobs":"${dateobs}","triggerid":${stored},"contours":${contours},"skymap":${JSON.stringify(skymap)}}`;
      for (const level of [90, 50]) {
        const { status } = await api.ask("ada", "PUT", "/api/skymap", body(level));
        expect(status).toBe(200);
      }
      const digits = stored.replaceAll('"', "");
      const found = await api.ask("ada", "GET", `/api/skymap?triggerid=${digits}&contours=50,90`);
      expect([found.status, found.text]).toEqual([200, expect.stringContaining(`"triggerid":${stored}`)]);
      const neighbour = await api.ask("ada", "GET", `/api/skymap?triggerid=${BigInt(digits) - 2n}`);
      expect(neighbour.status).toBe(404);
      const name = "10.00000_20.00000_1.00000";
      const removed = await api.ask("ada", "DELETE", "/api/skymap", {
        localization_name: name,
        triggerid: digits,
      });
      expect(removed.status).toBe(200);
    });
  }
});

describe("times and contours", () => {
  const skymap = { ra: 1, dec: 2, error: 3 };
  for (const dateobs of [
    "2023-02-30T00:00:00",
    "2023-02-29T12:00:00.5",
    "2023-04-31T00:00:00Z",
    "2023-13-01T00:00:00",
  ]) {
    test(`${dateobs} is no day, in a request and in a packet`, async () => {
      expect(await put({ dateobs, skymap })).toEqual([400, expect.stringContaining("dateobs: expected")]);
      const voevent = packet({ time: dateobs });
      expect(await put({ voevent })).toEqual([400, expect.stringContaining("ISOTime")]);
    });
  }
  test("the 29th of February of a leap year is one", async () => {
    expect((await put({ dateobs: "2024-02-29T23:59:59.25", skymap }))[0]).toBe(200);
  });

  test("what GET shows can be put again", async () => {
    const shown = async (name: string): Promise<Document> => {
      const { text } = await api.ask("ada", "GET", `/api/skymap?localization_name=${name}`);
      return (JSON.parse(text) as { data: Document }).data;
    };
    await put({ dateobs: DATE, contours: [50, 90], skymap: { ...skymap, localization_name: "first" } });
    const { contours } = await shown("first");
    const [status, text] = await put({ dateobs: DATE, skymap: { localization_name: "again", contours } });
    expect([status, text]).toEqual([200, expect.stringContaining('"contours":[50,90]')]);
    expect((await shown("again"))["contours"]).toEqual(contours as Document);
  });

  for (const [name, contours, words] of [
    ["no contours", {}, "skymap.contours: expected at least one level such as contour90"],
    [
      "a centre alone",
      { center: { type: "Point", coordinates: [1, 2] } },
      "skymap.contours: expected at least one level such as contour90",
    ],
    ["a centre that is no point", { center: [1, 2] }, "skymap.contours.center: expected a GeoJSON Point"],
    [
      "a centre off the sky",
      { center: { type: "Point", coordinates: [1, 91] } },
      "skymap.contours.center: expected a GeoJSON Point",
    ],
  ] as const) {
    test(`${name}: refused`, async () => {
      const [status, text] = await put({ dateobs: DATE, skymap: { localization_name: "ready", contours } });
      expect([status, text]).toEqual([400, expect.stringContaining(words)]);
    });
  }
});

describe("cells that overlap", () => {
  for (const [uniq, words] of [
    [[4, 5, 4], "cell 4: it is there twice"],
    [[16, 4], "cell 16: it lies within cell 4"],
    [[4, 4 * 4 ** 9 + 7], `cell ${4 * 4 ** 9 + 7}: it lies within cell 4`],
    [[5, 19, 4 * 4 ** 24], `cell ${4 * 4 ** 24}`],
  ] as const) {
    test(`${uniq.join(", ")}: ${uniq.length === 3 && uniq[1] === 19 ? "taken" : "refused"}`, async () => {
      const probdensity = uniq.map(() => 1);
      const [status, text] = await put({
        dateobs: DATE,
        skymap: { localization_name: `u${uniq}`, uniq, probdensity },
      });
      if (uniq[1] === 19) expect(status).toBe(200);
      else expect([status, text]).toEqual([400, expect.stringContaining(words)]);
    });
  }
});

describe("a name that another region has", () => {
  const dateobs = "2024-06-01T00:00:00";
  const corners = [
    [10, 0],
    [12, 0],
    [11, 2],
  ];
  const square = { type: "MultiPolygon", coordinates: [[[...corners, corners[0] ?? []]]] };
  const forms: Record<string, Document> = {
    cone: { ra: 10, dec: 20, error: 1 },
    "another cone": { ra: 10, dec: 20, error: 1.5 },
    polygon: { polygon: corners },
    cells: { uniq: [16, 17], probdensity: [1, 2] },
    "the same cells with other densities": { uniq: [16, 17], probdensity: [1, 3] },
    ellipse: { ra: 10, dec: 20, amaj: 2, amin: 1, phi: 0 },
  };
  for (const [first, second] of [
    ["cone", "another cone"],
    ["polygon", "ellipse"],
    ["cells", "the same cells with other densities"],
  ] as const) {
    test(`${first}, then ${second}: levels are added to the one, not mixed with the other's`, async () => {
      const localization_name = `taken by ${first}`;
      const levelled = (form: string, contours: number) =>
        put({ dateobs, contours, skymap: { localization_name, ...forms[form] } });
      expect((await levelled(first, 90))[0]).toBe(200);
      expect(await levelled(second, 50)).toEqual([409, expect.stringContaining("localization_name")]);
      expect((await levelled(first, 50))[0]).toBe(200);
      const own = { contour99: square };
      const ready = await put({ dateobs, contours: 99, skymap: { localization_name, contours: own } });
      expect(ready).toEqual([409, expect.stringContaining("localization_name")]);
      const { text } = await api.ask("ada", "GET", `/api/skymap?localization_name=${localization_name}`);
      expect(Object.keys((JSON.parse(text) as { data: { contours: object } }).data.contours)).toEqual([
        "center",
        "contour90",
        "contour50",
      ]);
    });
  }
  test("one that came to its file's name anew is told from the old one", async () => {
    const skymap = { url: `${host}/new.fits` };
    served.set("/new.fits", mapFile(3));
    expect((await put({ dateobs, contours: 90, skymap }))[0]).toBe(200);
    served.set("/new.fits", mapFile(4));
    expect(await put({ dateobs, contours: 50, skymap })).toEqual([409, expect.stringContaining("new.fits")]);
    served.set("/new.fits", mapFile(3));
    expect((await put({ dateobs, contours: 50, skymap }))[0]).toBe(200);
  });
});
