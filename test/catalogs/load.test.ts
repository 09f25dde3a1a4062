/** Loads from files into a store: documents, numbering, bad rows, appending, interruptions. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Double } from "bson";
import {
  type CatalogSpec,
  checkName,
  completeSpec,
  describeCatalog,
  type FoundBadRow,
  type LoadOptions,
  type LoadRequest,
  LoadStopped,
  type LoadTotals,
  listCatalogs,
  loadCatalog,
  NothingStored,
  TableError,
} from "../../src/catalogs/index.ts";
import type { Document } from "../../src/query/index.ts";
import { openStore, type Store, type StoreSettings } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { testDatabaseName, testReplicaSet } from "../support/mongod.ts";
import { skipOrFail } from "../support/services.ts";
import { sharedDir, sharedPath } from "../support/shared.ts";

class Place implements AsyncDisposable {
  readonly badRows: FoundBadRow[] = [];
  readonly notes: string[] = [];

  private constructor(
    readonly folder: ReturnType<typeof temporaryFolder>,
    readonly store: Store,
    readonly settings: StoreSettings,
  ) {}

  static async embedded(): Promise<Place> {
    const folder = temporaryFolder();
    const settings = { kind: "embedded", dataDir: join(folder.path, "data") } as const;
    return new Place(folder, await openStore(settings, { readers: 1 }), settings);
  }

  static async mongo(url: string): Promise<Place> {
    const address = new URL(url);
    address.pathname = `/${testDatabaseName()}`;
    const settings = { kind: "mongo", url: address.href } as const;
    return new Place(temporaryFolder(), await openStore(settings), settings);
  }

  async file(name: string, text: string): Promise<string> {
    const path = join(this.folder.path, name);
    await Bun.write(path, text);
    return path;
  }

  load(
    files: readonly string[],
    spec: Partial<CatalogSpec>,
    more: Partial<LoadRequest> = {},
    { signal, readers, progress }: Pick<LoadOptions, "signal" | "readers" | "progress"> = {},
  ) {
    const complete = completeSpec({ name: "stars", ...spec });
    if (complete === undefined) throw new Error("no name");
    const request = { files, spec: complete, mode: "replace", maxBadRows: 100, ...more } as const;
    return loadCatalog(request, {
      settings: this.settings,
      badRow: (row) => this.badRows.push(row),
      note: (text) => this.notes.push(text),
      ...(signal === undefined ? {} : { signal }),
      ...(readers === undefined ? {} : { readers }),
      ...(progress === undefined ? {} : { progress }),
    });
  }

  documents(collection = "stars", filter: Document = {}): Promise<Document[]> {
    const request = { collection, filter, sort: [["_id", 1]], maxTimeMs: 10_000 } as const;
    return Array.fromAsync(this.store.find(request).documents());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of ["stars", "VLASS_DR1"]) await this.store.drop(name);
    await this.store.close();
    this.folder[Symbol.dispose]();
  }
}

const set = await testReplicaSet();
const withoutSet = skipOrFail("a MongoDB replica set", typeof set !== "string", String(set));

const STORES: readonly [string, boolean, () => Promise<Place>][] = [
  ["embedded", false, () => Place.embedded()],
  ["mongo", withoutSet, () => Place.mongo(typeof set === "string" ? "" : set.url)],
];

describe.each(STORES)("on %s", (_, skip, open) => {
  let place: Place;
  const opened = async () => {
    place = await open();
    return place;
  };
  afterEach(() => place[Symbol.asyncDispose]());

  test.skipIf(skip)("a row is a document with its columns, _id and coordinates", async () => {
    const { load } = bound(await opened());
    const file = await place.file(
      "m31.csv",
      "RA,Dec,a.b,n,empty\n10.684708,41.26875,1.5,9007199254740993,\n",
    );
    const totals = await load([file], {});
    expect(totals).toEqual({ rows: 1, written: 1, duplicates: 0, bad: 0, omitted: 0 });
    const [document] = await place.documents();
    expect(document).toMatchObject({ _id: 1, RA: 10.684708, a_b: 1.5, n: 9007199254740993n });
    expect(document).not.toHaveProperty("empty");
    const { radec_str, radec_geojson, l, b } = (document?.["coordinates"] ?? {}) as Document;
    // M 31 by Astropy 8: l = 121.1742, b = -21.5733.
    expect(radec_str).toEqual(["00:42:44.3299", "41:16:07.500"]);
    expect(radec_geojson).toEqual({ type: "Point", coordinates: [10.684708 - 180, 41.26875] });
    expect(Number(l)).toBeCloseTo(121.1742, 3);
    expect(Number(b)).toBeCloseTo(-21.5733, 3);
  });

  test.skipIf(skip)("bad rows are counted and told with their lines; too many stop the load", async () => {
    const { load } = bound(await opened());
    const rows = ["1,2", "400,2", "1,", "x,2", "1,2,3", "360,-90", "-1,2", "1,91", "7,8"];
    const file = await place.file("bad.csv", `ra,dec\n${rows.join("\n")}\n`);
    const spec = { types: { ra: "float", dec: "float" } } as const;
    const totals = await load([file], spec);
    expect(totals).toMatchObject({ rows: 9, written: 3, bad: 6 });
    expect(place.badRows.map(({ place: line, reason }) => [line, reason])).toEqual([
      [3, "right ascension 400: expected 0 <= ra < 360 degrees"],
      [4, "declination: there is no value"],
      [5, 'column ra: expected a number, found "x"'],
      [6, "expected 2 fields, found 3"],
      [8, "right ascension -1: expected 0 <= ra < 360 degrees"],
      [9, "declination 91: expected -90 <= dec <= 90 degrees"],
    ]);
    const found = await place.documents();
    expect(found.map((document) => document["_id"])).toEqual([1, 6, 9]);
    expect(found[1]?.["coordinates"]).toMatchObject({
      radec_geojson: { coordinates: [new Double(-180), new Double(-90)] },
    });
    const error = await load([file], spec, { maxBadRows: 5 }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(LoadStopped);
    expect(String(error)).toContain("--max-bad-rows");
    // The old catalogue is as it was.
    expect(await place.documents()).toEqual(found);
  });

  test.skipIf(skip)("a load that stores nothing fails, and the catalogue that was there stays", async () => {
    const { load } = bound(await opened());
    const old = await place.file("old.csv", "ra,dec\n1,2\n");
    const bad = await place.file("bad.csv", "ra,dec,id\n1,2,\n5,6,1.5\n");
    const header = await place.file("header.csv", "ra,dec\n");
    const cut = await place.file("cut.csv", "RA,DEC,Duplicate_flag,Quality_flag\n1,2,3,0\n");
    const failing: [string, Partial<CatalogSpec>, string][] = [
      [
        bad,
        { id: "id" },
        `none of the 2 rows could be stored: ${bad}, line 2: the column of _id has no value`,
      ],
      [header, {}, `${header}: it has no rows`],
    ];
    const emptied: typeof failing = [
      [cut, { preset: "vlass" }, "none of the rows is left: the cuts of the preset leave out 1"],
    ];
    const refused = async ([file, spec, word]: (typeof failing)[number], mode: "replace" | "append") => {
      const error = await load([file], spec, { mode }).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(NothingStored);
      expect(String(error)).toContain(word);
    };
    for (const one of [...failing, ...emptied]) {
      await refused(one, "replace");
      expect(await place.store.collectionNames()).not.toContain("stars");
      // Nothing is left behind which the file is gone on with, or told from.
      await refused(one, "replace");
    }
    await load([old], {});
    const found = await place.documents();
    const told = await describeCatalog(place.store, "stars");
    for (const one of [...failing, ...emptied]) await refused(one, "replace");
    for (const one of failing) await refused(one, "append");
    expect(await load([cut], { preset: "vlass" }, { mode: "append" })).toMatchObject({ rows: 1, omitted: 1 });
    expect(await place.documents()).toEqual(found);
    expect((await describeCatalog(place.store, "stars"))?.loaded).toMatchObject({
      ...told?.loaded,
      files: [old, cut],
      loaded_at: expect.any(Date),
    });
    expect(place.notes.filter((note) => note.includes("goes on"))).toEqual([]);
  });

  test.skipIf(skip)("_id is a column, or the number of the row in its file", async () => {
    const { load } = bound(await opened());
    const one = await place.file("one.csv", "name,ra,dec\na,1,2\nb,3,4\na,5,6\n,7,8\n");
    const two = await place.file("two.csv", "name,ra,dec\nc,1,2\n");
    const totals = await load([one, two], { id: "name" });
    expect(totals).toMatchObject({ written: 3, duplicates: 1, bad: 1 });
    expect((await place.documents()).map((document) => document["_id"])).toEqual(["a", "b", "c"]);
    await load([one, two], {});
    const ids = [1, 2, 3, 4, 4294967297n];
    expect((await place.documents()).map((document) => document["_id"])).toEqual(ids);
    await load([two], {}, { mode: "append" });
    expect((await place.documents()).map((document) => document["_id"])).toEqual([...ids, 8589934593n]);
    const described = await describeCatalog(place.store, "stars");
    expect(described?.documents).toBe(6);
    expect(described?.loaded).toMatchObject({ files: [one, two, two], rows: 6, bad_rows: 0 });
    expect(described?.fields).toEqual(["_id", "name", "ra", "dec", "coordinates"]);
    const names = async () => (await listCatalogs(place.store)).map((document) => document["_id"]);
    expect(await names()).toContain("stars");
    await place.store.drop("stars");
    expect(await names()).not.toContain("stars");
  });

  test.skipIf(skip)(
    "a load that was stopped goes on behind what it has read",
    async () => {
      const { load } = bound(await opened());
      const text = Array.from({ length: 8_000 }, (_, i) => `${i / 100},${i / 1000}`).join("\n");
      const files = [
        await place.file("one.csv", `ra,dec\n${text}\n`),
        await place.file("two.csv", `ra,dec\n${text}\n`),
      ];
      const stopper = new AbortController();
      stopper.abort();
      for (let tries = 0; tries < 3; tries++) {
        const error = await load(files, {}, {}, { signal: stopper.signal, readers: 1 }).catch(
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(LoadStopped);
        expect(await place.documents()).toEqual([]);
      }
      const totals = await load(files, {});
      expect(place.notes).toContain("an interrupted load goes on behind 6000 rows");
      expect(totals).toMatchObject({ rows: 16_000, written: 16_000, duplicates: 0 });
      expect(await place.store.count({ collection: "stars", filter: {}, maxTimeMs: 10_000 })).toBe(16_000);
    },
    60_000,
  );

  /** Of different lengths, each with a row in a hundred that is bad. */
  const unequalFiles = () =>
    Promise.all(
      [4500, 21, 5000, 0, 2500].map((rows, n) => {
        const lines = Array.from({ length: rows }, (_, i) =>
          i % 100 === n ? `${i},400,0` : `${1_000_000 * n + i},${i / 100},${i / 1000}`,
        );
        return place.file(`part-${n}.csv`, ["name,ra,dec", ...lines, ""].join("\n"));
      }),
    );
  const badOf = (rows: readonly FoundBadRow[]) =>
    rows.map(({ file, place: line }) => `${file} ${line}`).toSorted();

  test.skipIf(skip)(
    "several files are read at once, with the rows and the bad rows of reading one after the other",
    async () => {
      const { load } = bound(await opened());
      const files = await unequalFiles();
      const spec = { types: { ra: "float", dec: "float" } } as const;
      const more = { maxBadRows: 1000 };
      const totals = await load(files, spec, more, { readers: 3 });
      const together = await place.documents();
      const bad = badOf(place.badRows.splice(0));
      expect(totals).toEqual({ rows: 12_021, written: 11_900, duplicates: 0, bad: 121, omitted: 0 });
      expect(together).toHaveLength(11_900);
      expect(bad).toContain(`${files[2]} 104`);
      expect(await load(files, spec, more, { readers: 1 })).toEqual(totals);
      expect(badOf(place.badRows)).toEqual(bad);
      expect(await place.documents()).toEqual(together);
    },
    60_000,
  );

  test.skipIf(skip)(
    "a load of several files at once that is stopped again and again has each row once",
    async () => {
      const { load } = bound(await opened());
      const files = await unequalFiles();
      const spec = { types: { ra: "float", dec: "float" } } as const;
      let totals: LoadTotals | undefined;
      let stops = 0;
      while (totals === undefined) {
        const stopper = new AbortController();
        let pieces = 0;
        const progress = () => ++pieces === 1 + (stops % 3) && stopper.abort();
        totals = await load(
          files,
          spec,
          { maxBadRows: 1000 },
          { signal: stopper.signal, readers: 3, progress },
        ).catch((error: unknown) => {
          expect(error).toBeInstanceOf(LoadStopped);
          stops++;
          return undefined;
        });
      }
      expect(stops).toBeGreaterThan(2);
      expect(totals).toEqual({ rows: 12_021, written: 11_900, duplicates: 0, bad: 121, omitted: 0 });
      const ids = (await place.documents()).map((document) => String(document["_id"]));
      expect(new Set(ids).size).toBe(11_900);
      expect(badOf(place.badRows)).toHaveLength(121);
    },
    60_000,
  );

  test.skipIf(skip)("what is wrong with one of several files stops the reading of all", async () => {
    const { load } = bound(await opened());
    const files = [...(await unequalFiles()), await place.file("other.csv", "x,y\n1,2\n")];
    const error = await load(files, {}, { maxBadRows: 1000 }, { readers: 7 }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(TableError);
    expect(String(error)).toContain(`${files.at(-1)}: no column looks like ra`);
    expect(await place.documents()).toEqual([]);
  });

  test.skipIf(skip)(
    "rows that are appended are there once, however often the load is interrupted",
    async () => {
      const { load } = bound(await opened());
      await load([await place.file("first.csv", "ra,dec\n1,2\n")], {});
      const text = Array.from({ length: 7000 }, (_, i) => `${i / 100},${i / 1000}`).join("\n");
      const more = await place.file("more.csv", `ra,dec\n${text}\n`);
      const stopper = new AbortController();
      stopper.abort();
      const count = () => place.store.count({ collection: "stars", filter: {}, maxTimeMs: 10_000 });
      for (const rows of [2001, 4001]) {
        const error = await load(
          [more],
          {},
          { mode: "append" },
          { signal: stopper.signal, readers: 1 },
        ).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(LoadStopped);
        expect(await count()).toBe(rows);
      }
      expect(await load([more], {}, { mode: "append" })).toMatchObject({
        rows: 7000,
        written: 7000,
        duplicates: 0,
      });
      expect(await count()).toBe(7001);
      // Appended once more on purpose, they are there twice.
      await load([more], {}, { mode: "append" });
      expect(await count()).toBe(14_001);
    },
    60_000,
  );

  test.skipIf(skip)("a missing column and a missing file are told with what there is", async () => {
    const { load } = bound(await opened());
    const file = await place.file("some.csv", "x,y\n1,2\n");
    for (const [spec, path, word] of [
      [{}, file, "no column looks like ra: name it with --ra; there are: x, y"],
      [{ ra: "x", dec: "z" }, file, '--dec: there is no column "z"'],
      [{ ra: "x", dec: "y", id: "q" }, file, '--id: there is no column "q"'],
      [{ ra: "x", dec: "y", columns: ["w"] }, file, '--columns: there is no column "w"'],
      [{}, "/nowhere/at.all", "there is no such file"],
      [{}, "/tmp", "it is a folder"],
    ] as const) {
      const error = await load([path], spec).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TableError);
      expect(String(error)).toContain(word);
    }
    await load([file], { ra: "X", dec: "Y", columns: ["y"] });
    expect(Object.keys((await place.documents())[0] ?? {})).toEqual(["_id", "y", "coordinates"]);
  });

  test.skipIf(skip || sharedDir() === undefined)("the sample files load whole", async () => {
    const { load } = bound(await opened());
    const vlass = sharedPath("data", "catalogs", "CIRADA_VLASS1QL_table1_components_v1_head100.csv");
    expect(await load([vlass], {})).toMatchObject({ rows: 99, written: 99, bad: 0 });
    const igaps = sharedPath("data", "catalogs", "igaps-dr1-215a-small.fits.gz");
    expect(await load([igaps], {})).toMatchObject({ rows: 100, written: 100, bad: 0 });
    const cut = await load([vlass], { name: "VLASS_DR1", preset: "vlass" });
    expect(cut).toMatchObject({ rows: 99, written: 27, omitted: 72 });
  });
});

/** `load` by itself. */
function bound(place: Place) {
  return { load: place.load.bind(place) };
}

describe("positions", () => {
  test("coordinates in hours, radians and sexagesimal text are the same place", async () => {
    await using place = await Place.embedded();
    const { load } = bound(place);
    const spellings: [Partial<CatalogSpec>, string, string][] = [
      [{ raUnit: "hours", decUnit: "deg" }, "12.5", "-30.5"],
      [{ raUnit: "rad", decUnit: "rad" }, String((187.5 * Math.PI) / 180), String((-30.5 * Math.PI) / 180)],
      [{ raUnit: "sexagesimal", decUnit: "sexagesimal" }, "12:30:00", "-30:30:00"],
      [{}, "12h30m00.0s", "-30d30m00s"],
      [{}, "12 30 00.0", "-30 30 00"],
      [{ raUnit: "hours", decUnit: "sexagesimal" }, "12.5", "-30:30:00"],
      [{}, "187.5", "-30.5"],
    ];
    for (const [spec, ra, dec] of spellings) {
      await load([await place.file("one.csv", `ra,dec\n${ra},${dec}\n`)], spec);
      const [document] = await place.documents();
      const { radec_str } = (document?.["coordinates"] ?? {}) as Document;
      expect(radec_str).toEqual(["12:30:00.0000", "-30:30:00.000"]);
    }
  });
});

describe("units that files tell", () => {
  let place: Place;
  beforeAll(async () => {
    place = await Place.embedded();
  });
  afterAll(() => place[Symbol.asyncDispose]());

  const ecsv = (raUnit: string, decUnit: string, ra: string, dec: string) => {
    const column = (name: string, unit: string, value: string) =>
      `# - {name: ${name}, unit: ${JSON.stringify(unit)}, datatype: ${Number.isNaN(Number(value)) ? "string" : "float64"}}`;
    const head = ["# %ECSV 1.0", "# ---", "# delimiter: ','", "# datatype:"];
    const columns = [column("ra", raUnit, ra), column("dec", decUnit, dec)];
    return place.file("told.ecsv", [...head, ...columns, "ra,dec", `${ra},${dec}`, ""].join("\n"));
  };
  const load = async (file: string, spec: Partial<CatalogSpec> = {}) => {
    await place.load([file], spec);
    const [document] = await place.documents();
    return ((document?.["coordinates"] ?? {}) as Document)["radec_str"];
  };

  test.each([
    ["deg", "degrees", "187.5", "-30.5"],
    ["", " ", "187.5", "-30.5"],
    ["Degree", "\u00b0", "187.5", "-30.5"],
    ["hourangle", "deg", "12.5", "-30.5"],
    ["rad", "radian", String((187.5 * Math.PI) / 180), String((-30.5 * Math.PI) / 180)],
    ["arcmin", "arcminute", String(187.5 * 60), String(-30.5 * 60)],
    ["arcsec", "arcseconds", String(187.5 * 3600), String(-30.5 * 3600)],
    ["mas", "marcsec", String(187.5 * 3.6e6), String(-30.5 * 3.6e6)],
    ["uas", "uarcsec", String(187.5 * 3.6e9), String(-30.5 * 3.6e9)],
    ["h:m:s", "d:m:s", "12:30:00", "-30:30:00"],
  ])("%s and %s are understood", async (raUnit, decUnit, ra, dec) => {
    expect(await load(await ecsv(raUnit, decUnit, ra, dec))).toEqual(["12:30:00.0000", "-30:30:00.000"]);
  });

  test.each([
    ["furlong", "deg", 'column ra: its unit "furlong" is not known: tell it with --units'],
    ["deg", "pixel", 'column dec: its unit "pixel" is not known: tell it with --units'],
    ["deg", "h", 'column dec: its unit "h" is not known: tell it with --units'],
    ["h:m:s", "deg", 'column ra: its unit "h:m:s" is not known: tell it with --units'],
  ])("numbers in %s and %s are refused until --units tells theirs", async (raUnit, decUnit, word) => {
    const file = await ecsv(raUnit, decUnit, "187.5", "-30.5");
    const error = await load(file).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TableError);
    expect(String(error)).toContain(`${file}: ${word}`);
    const spec = { raUnit: "deg", decUnit: "deg" } as const;
    expect(await load(file, spec)).toEqual(["12:30:00.0000", "-30:30:00.000"]);
  });
});

describe("names of catalogues", () => {
  test.each(["Gaia_EDR3", "CLU_20190625", "a", "x-1.2"])("%s is one", (name) => {
    expect(() => checkName(name)).not.toThrow();
  });
  test.each(["", "1a", "a b", "a~loading", "a$b", "system.x", "a/b", "ä", "a..b", "a."])(
    "%j is none",
    (name) => {
      expect(() => checkName(name)).toThrow("no name of a catalogue");
    },
  );
  test.each([
    "users",
    "skymaps",
    "ZTF_alerts",
    "ZTF_alerts_aux",
    "ZTF_alerts_aux.objects",
    "ZTF_alerts_cutouts",
    "ZTF_alerts_classifications",
  ])("%s is not that of a catalogue: replacing would remove what is there", (name) => {
    expect(() => checkName(name)).toThrow("a collection of Kowalski's own");
  });
});
