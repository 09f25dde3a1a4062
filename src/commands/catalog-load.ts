/** `kowalski catalog load`: files into a catalogue. */
import {
  type CatalogSpec,
  COORDINATE_UNITS,
  checkIndexFields,
  checkName,
  completeSpec,
  type FoundBadRow,
  LoadStopped,
  type LoadTotals,
  loadCatalog,
  NothingStored,
  PRESETS,
  parseColumns,
  parseDelimiter,
  parseUnits,
  SpecError,
  TableError,
} from "../catalogs/index.ts";
import { type CommandContext, defineCommand, type OptionValues } from "./command.ts";
import { CommandError, EXIT_DONE, UsageError } from "./errors.ts";
import { openConfiguredStore, storeSettings } from "./open-store.ts";

/** Bad rows that are told one by one. */
const MOST_TOLD = 20;

const options = {
  name: { type: "text", value: "NAME", help: "name of the catalogue (default: that of the preset)" },
  preset: {
    type: "text",
    choices: PRESETS.map(({ name }) => name),
    help: "a well-known catalogue: its columns, null texts and cuts",
  },
  ra: {
    type: "text",
    value: "COLUMN",
    help: "column of right ascension (default: found by its usual names)",
  },
  dec: { type: "text", value: "COLUMN", help: "column of declination (default: found by its usual names)" },
  units: {
    type: "text",
    value: "UNIT[,UNIT]",
    help: `units of right ascension and declination, ${COORDINATE_UNITS.join(", ")}; one stands for both, but hours is of right ascension only`,
    default: "auto",
  },
  id: { type: "text", value: "COLUMN", help: "column that becomes _id (default: rows are numbered)" },
  columns: {
    type: "text",
    value: "A,B,…",
    help: "columns that are kept, each perhaps with its type, e.g. name:string (default: all)",
  },
  null: {
    type: "text",
    value: "TEXT",
    help: "a text that stands for no value, besides the usual ones",
    repeat: true,
  },
  delimiter: {
    type: "text",
    value: "CHAR",
    help: "character between the fields of text files; \\t is a tab (default: found)",
  },
  header: { type: "text", value: "A,B,…", help: "names of the columns of text files that have no header" },
  hdu: { type: "integer", min: 1, value: "N", help: "extension of FITS files (default: the first table)" },
  index: { type: "text", value: "A[,B…]", help: "fields of an index besides that of position", repeat: true },
  replace: { type: "flag", help: "replace a catalogue of this name when the new one is complete" },
  append: { type: "flag", help: "add the rows to those of a catalogue of this name" },
  "max-bad-rows": {
    type: "integer",
    min: 0,
    value: "N",
    help: "bad rows after which the load stops",
    default: 1000,
  },
  "bad-rows": { type: "text", value: "FILE", help: "write the bad rows to this file, as CSV" },
} as const;

type Context = CommandContext<typeof options>;

export const load = defineCommand({
  name: "load",
  summary: "load files into a catalogue",
  description:
    "Reads FITS binary tables, CSV, TSV, ECSV and Parquet, gzipped or not, larger than memory if need be. Each row " +
    "becomes a document with its columns, `_id`, and `coordinates`; values that are missing leave out their fields.\n\n" +
    "A load that is interrupted goes on where it stopped when the same command is run again. With --replace the old " +
    "catalogue is there until the new one is complete.",
  positionals: [{ name: "FILE", help: "file to read", variadic: true }],
  options,
  examples: [
    {
      line: "kowalski catalog load galaxies.fits.gz --name CLU --ra RAJ2000 --dec DEJ2000 --id cluid",
      help: "a FITS table",
    },
    {
      line: "kowalski catalog load stars.csv --name stars --units hours,deg --replace",
      help: "right ascension in hours",
    },
    { line: "kowalski catalog load CIRADA*.csv --preset vlass", help: "a well-known catalogue" },
  ],
  run: (context) => loadFiles(context),
});

async function loadFiles(context: Context): Promise<number> {
  const { output, options: given, signal } = context;
  const spec = specOf(given);
  const { config } = context.loadConfig();
  const store = await openConfiguredStore(config);
  const mode = given.append ? "append" : "replace";
  const bad = new BadRows(context);
  try {
    if (!given.append && !given.replace && (await store.describeCollection(spec.name)) !== undefined) {
      throw new CommandError(`there is a collection ${spec.name} already: --replace or --append?`);
    }
    const progress = output.progress({ unit: "rows" });
    let kept = 0;
    try {
      const totals = await loadCatalog(
        { files: context.args, spec, mode, maxBadRows: given["max-bad-rows"] },
        {
          settings: storeSettings(config),
          signal,
          progress: ({ rows: count, bytes, bytesTotal, file }) => {
            kept = count;
            progress.update({ count, bytes, bytesTotal, note: file });
          },
          badRow: (row) => bad.add(row),
          note: (text) => output.note(text),
        },
      );
      progress.finish();
      report(spec, totals, context);
      return EXIT_DONE;
    } catch (error) {
      throw wordsOf(error, kept > 0);
    } finally {
      await bad.close();
    }
  } finally {
    await store.close();
  }
}

/** An error of a load, with what follows from rows that were kept. */
function wordsOf(error: unknown, isKept: boolean): unknown {
  if (error instanceof NothingStored) return new CommandError(error.message);
  if (!(error instanceof TableError || error instanceof LoadStopped)) return error;
  const kept = "; what was read is kept: the same command goes on from there";
  return new CommandError(`${error.message}${isKept ? kept : ""}`);
}

function report({ name }: CatalogSpec, totals: LoadTotals, { output }: Context): void {
  const { rows, written, duplicates, bad, omitted } = totals;
  output.json({ event: "summary", name, ...totals });
  output.line(`read       ${rows} rows`);
  output.line(`stored     ${written} in ${name}`);
  if (omitted > 0) output.line(`left out   ${omitted} by the cuts of the preset`);
  if (duplicates > 0) output.line(`duplicate  ${duplicates} whose _id was there`);
  if (bad > 0) output.line(`bad        ${bad}`);
}

/** Tells the first bad rows, and writes all of them to a file when asked. */
class BadRows {
  #told = 0;
  readonly #file: Bun.FileSink | undefined;

  constructor(readonly context: Context) {
    const path = context.options["bad-rows"];
    if (path === undefined) return;
    this.#file = Bun.file(path).writer();
    this.#file.write("file,line,reason\n");
  }

  add(row: FoundBadRow): void {
    const { file, kind, place, reason } = row;
    const { output } = this.context;
    this.#file?.write(`${[file, String(place), reason].map(csvField).join(",")}\n`);
    this.#told++;
    if (output.isJson) output.json({ event: "bad row", ...row });
    else if (this.#told <= MOST_TOLD) output.note(`${file}: ${kind} ${place}: ${reason}`);
    else if (this.#told === MOST_TOLD + 1)
      output.note("more bad rows are only counted; --bad-rows FILE lists all");
  }

  async close(): Promise<void> {
    await this.#file?.end();
  }
}

function csvField(text: string): string {
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function specOf(given: OptionValues<typeof options>): CatalogSpec {
  if (given.append && given.replace) throw new UsageError("--replace and --append exclude each other");
  try {
    return readSpec(given);
  } catch (error) {
    if (error instanceof SpecError) throw new UsageError(`--${error.message}`);
    throw error;
  }
}

function readSpec(given: OptionValues<typeof options>): CatalogSpec {
  const { name, preset, ra, dec, id, hdu } = given;
  const [raUnit, decUnit] = parseUnits(given.units);
  const header = listOf(given.header);
  const spec = completeSpec({
    ...defined({ name, preset, ra, dec, id, hdu, header }),
    ...parseColumnsOf(listOf(given.columns)),
    ...(given.delimiter === undefined ? {} : { delimiter: parseDelimiter(given.delimiter) }),
    ...(given.null.length === 0 ? {} : { nulls: given.null }),
    ...(given.index.length === 0 ? {} : { indexes: given.index.map((fields) => listOf(fields) ?? []) }),
    ...(given.units === "auto" ? {} : { raUnit, decUnit }),
  });
  if (spec === undefined) throw new UsageError("--name is missing");
  checkName(spec.name);
  for (const fields of spec.indexes ?? []) checkIndexFields("index", fields);
  return spec;
}

const parseColumnsOf = (columns: readonly string[] | undefined) =>
  columns === undefined ? {} : parseColumns(columns);

/** The entries that have a value. */
function defined<T extends object>(entries: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as never;
}

function listOf(text: string | undefined): string[] | undefined {
  return text?.split(",").map((item) => item.trim());
}
