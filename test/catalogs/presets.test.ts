/** Presets: rows of well-known catalogues as users know their documents. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { completeSpec, PRESETS } from "../../src/catalogs/index.ts";
import { RowReader } from "../../src/catalogs/rows.ts";
import type { Cell, Table } from "../../src/catalogs/table.ts";
import { type Document, double } from "../../src/query/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { readTable } from "./support.ts";

/** The documents of a table under a preset; texts for rows that are refused. */
function documentsOf(preset: string, columns: readonly string[], rows: readonly (readonly Cell[])[]) {
  const spec = completeSpec({ preset });
  if (spec === undefined) throw new Error(`${preset} has no name`);
  const table = { format: "", columns: columns.map((name) => ({ name })) } as unknown as Table;
  const reader = new RowReader("file", table, spec, 1);
  return rows.map((row, i) => {
    const document = reader.read(row, i + 1);
    if (typeof document === "object") delete document["coordinates"];
    return document;
  });
}

/** A text file under a preset. */
async function documentsOfText(preset: string, text: string) {
  using folder = temporaryFolder();
  const path = join(folder.path, "table.csv");
  await Bun.write(path, text);
  const spec = completeSpec({ preset });
  const { header, nulls, types } = spec ?? {};
  const table = await readTable(path, {
    ...(header === undefined ? {} : { header }),
    ...(nulls === undefined ? {} : { nulls }),
    ...(types === undefined ? {} : { types }),
  });
  expect(table.bad).toEqual([]);
  return documentsOf(preset, table.names, table.rows as (readonly Cell[])[]);
}

describe("presets", () => {
  test("each names its catalogue", () => {
    const names = PRESETS.map(({ name }) => [name, completeSpec({ preset: name })?.name]);
    expect(Object.fromEntries(names)).toEqual({
      gaia_edr3: "Gaia_EDR3",
      ps1_strm: "PS1_STRM",
      igaps: "IGAPS_DR2",
      vlass: "VLASS_DR1",
      ztf_public: "ZTF_public_sources_20210401",
    });
    expect(completeSpec({ preset: "igaps", name: "mine", ra: "x" })).toMatchObject({
      name: "mine",
      ra: "x",
      dec: "DEC",
    });
  });

  test("gaia_edr3: ids are text, NOT_AVAILABLE and null are left out", async () => {
    const text =
      "solution_id,designation,source_id,ra,dec,parallax,dr2_rv_template_teff,phot_variable_flag,duplicated\n" +
      '1636042515805110273,"Gaia EDR3 4295806720",4295806720,44.99615537864534,0.005615226341865997,0.3543305595550248,null,"NOT_AVAILABLE",false\n' +
      '1636042515805110273,"Gaia EDR3 34361129088",34361129088,45.00432028915398,0.021047763781174733,3.235017271512856,,CONSTANT,true\n';
    expect(await documentsOfText("gaia_edr3", text)).toEqual([
      {
        _id: "4295806720",
        solution_id: 1636042515805110273n,
        designation: "Gaia EDR3 4295806720",
        source_id: 4295806720n,
        ra: 44.99615537864534,
        dec: 0.005615226341865997,
        parallax: 0.3543305595550248,
        duplicated: false,
      },
      expect.objectContaining({ _id: "34361129088", phot_variable_flag: "CONSTANT", duplicated: true }),
    ]);
  });

  test("ps1_strm: columns have names, -999 is left out", async () => {
    const text =
      "144631802036541311,3326893000025313,180.203654,30.527862,194.4,78.6,GALAXY,0.97,0.02,0.01,0,0.4,12,0.31,0.04,0.33,0,0.2,77\n" +
      "144631802036541312,3326893000025314,180.203655,30.527863,194.4,78.6,UNSURE,0.4,0.3,0.3,1,0.4,12,-999,-999.0,-999,-999,-999,-999\n";
    const [first, second] = await documentsOfText("ps1_strm", text);
    expect(first).toMatchObject({
      _id: "3326893000025313",
      objID: 144631802036541311n,
      class: "GALAXY",
      z_phot: 0.31,
      z_photErr: 0.04,
      z_phot_err: 0.04,
      cellID_Photoz: 77,
    });
    expect(Object.keys(second as Document).filter((name) => /phot/i.test(name))).toEqual([]);
  });

  test("vlass: duplicates and artefacts are left out", () => {
    const columns = ["Component_name", "RA", "DEC", "Duplicate_flag", "Quality_flag"];
    const flags: [number | undefined, number | undefined][] = [
      [0, 0],
      [1, 0],
      [2, 0],
      [0, 4],
      [undefined, 0],
      [0, undefined],
    ];
    const rows = flags.map((pair, i) => [`c${i}`, double(10), double(20), ...pair]);
    expect(
      documentsOf("vlass", columns, rows).map(
        (document) => (document as Document | undefined)?.["Component_name"],
      ),
    ).toEqual(["c0", "c1", undefined, undefined, undefined, undefined]);
  });

  test("ztf_public: epochs are a list, columns have the names of the light curves", () => {
    const columns = [
      "objectid",
      "filterid",
      "fieldid",
      "rcid",
      "objra",
      "objdec",
      "nepochs",
      "hmjd",
      "mag",
      "magerr",
      "clrcoeff",
      "catflags",
    ];
    const lists = [
      [58246.4, 58247.1],
      [17.123456, double(18)],
      [0.0123456, 0.02],
      [-0.0912345, 0.1],
      [0, 32768],
    ];
    expect(
      documentsOf("ztf_public", columns, [[702104400002001n, 1, 702, 17, 102.5, 30.25, 2, ...lists]]),
    ).toEqual([
      {
        _id: 702104400002001n,
        filter: 1,
        field: 702,
        rc: 17,
        ra: 102.5,
        dec: 30.25,
        nobs: 2,
        data: [
          { hjd: 58246.4, mag: 17.123, magerr: 0.012, clrcoeffs: -0.091, catflags: 0 },
          { hjd: 58247.1, mag: double(18), magerr: 0.02, clrcoeffs: 0.1, catflags: 32768 },
        ],
      },
    ]);
  });
});
