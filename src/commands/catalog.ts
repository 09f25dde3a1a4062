/** `kowalski catalog`: loads catalogues from files, lists, describes and removes them, also beside a running server. */
import {
  checkIndexFields,
  checkName,
  columnIndex,
  describeCatalog,
  listCatalogs,
  SpecError,
} from "../catalogs/index.ts";
import { nearest } from "../config/index.ts";
import { openCatalogWriter, type Store } from "../store/index.ts";
import { load } from "./catalog-load.ts";
import { match } from "./catalog-match.ts";
import { type Command, type CommandContext, defineCommand, entry, type OptionSpecs } from "./command.ts";
import { CommandError, EXIT_DONE, UsageError } from "./errors.ts";
import { openConfiguredStore, storeSettings } from "./open-store.ts";

const NAME = { name: "NAME", help: "name of the catalogue" } as const;

/** Opens the store for the time of `work`. */
async function withStore<T, S extends OptionSpecs>(
  context: CommandContext<S>,
  work: (store: Store) => Promise<T>,
): Promise<T> {
  const store = await openConfiguredStore(context.loadConfig().config);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function nameOf([name]: readonly string[]): string {
  if (name === undefined) throw new UsageError(`${NAME.name} is missing`);
  return name;
}

const list = defineCommand({
  name: "list",
  summary: "list the catalogues",
  async run(context) {
    const rows = await withStore(context, async (store) => {
      const catalogs = await listCatalogs(store);
      return Promise.all(
        catalogs.map(async ({ _id, bad_rows, loaded_at, files }) => ({
          name: String(_id),
          rows: await store.estimatedCount(String(_id)),
          bad: Number(bad_rows),
          files: Array.isArray(files) ? files.length : 0,
          loaded: loaded_at instanceof Date ? loaded_at.toISOString() : null,
        })),
      );
    });
    context.output.table(["name", "rows", "bad", "files", "loaded"], rows);
    return EXIT_DONE;
  },
});

const info = defineCommand({
  name: "info",
  summary: "describe a catalogue: rows, size, fields, indexes, where it came from",
  positionals: [NAME],
  async run(context) {
    const name = nameOf(context.args);
    const found = await withStore(context, (store) => describeCatalog(store, name));
    if (found === undefined)
      throw new CommandError(`there is no catalogue ${name}; see kowalski catalog list`);
    const { output } = context;
    output.json(found);
    output.line(`name     ${found.name}`);
    output.line(`rows     ${found.documents}`);
    output.line(`size     ${(found.bytes / 1e6).toFixed(1)} MB`);
    output.line(`indexes  ${found.indexes.map((index) => index.name).join(", ")}`);
    output.line(`fields   ${found.fields.join(", ")}`);
    const files = found.loaded?.["files"];
    for (const file of Array.isArray(files) ? files : []) output.line(`file     ${String(file)}`);
    return EXIT_DONE;
  },
});

const drop = defineCommand({
  name: "drop",
  summary: "remove a catalogue",
  description:
    "Removes a catalogue and what interrupted loads of it left. Collections of alerts are not catalogues.",
  positionals: [NAME],
  async run(context) {
    const name = nameOf(context.args);
    try {
      checkName(name);
    } catch (error) {
      throw error instanceof SpecError ? new UsageError(error.message) : error;
    }
    const { config } = context.loadConfig();
    const isCatalog = await withStore(context, async (store) => {
      const catalogs = await listCatalogs(store);
      return catalogs.some(({ _id }) => _id === name) || (await store.describeCollection(name)) === undefined;
    });
    if (!isCatalog)
      throw new CommandError(`${name} was not loaded as a catalogue: see kowalski catalog list`);
    const writer = await openCatalogWriter(storeSettings(config));
    try {
      if (!(await writer.drop(name))) throw new CommandError(`there is no catalogue ${name}`);
    } finally {
      await writer.close();
    }
    context.output.line(`Removed ${name}`);
    context.output.json({ name });
    return EXIT_DONE;
  },
});

/** What to say of fields of an index that no example row has: a row may have them, but more likely they are mistyped. */
function unseenFields(fields: readonly string[], known: readonly string[]): string[] {
  return fields
    .filter((field) => !known.includes(field.split(".", 1)[0] ?? field))
    .map((field) => {
      const near = nearest(field, known);
      const hint = near === undefined ? `; they have ${known.join(", ")}` : `, did you mean ${near}?`;
      return `${field}: the first rows have no such field${hint}`;
    });
}

const index = defineCommand({
  name: "index",
  summary: "make an index of a catalogue, so that queries by these fields are fast",
  positionals: [
    NAME,
    { name: "FIELD", help: "field of the index, the most significant first", variadic: true },
  ],
  examples: [
    { line: "kowalski catalog index Gaia_EDR3 parallax phot_g_mean_mag", help: "an index of two fields" },
  ],
  async run(context) {
    const [name = "", ...fields] = context.args;
    try {
      checkIndexFields("FIELD", fields);
    } catch (error) {
      throw error instanceof SpecError ? new UsageError(error.message) : error;
    }
    const { config } = context.loadConfig();
    const found = await withStore(context, (store) => describeCatalog(store, name));
    if (found === undefined) throw new CommandError(`there is no catalogue ${name}`);
    for (const text of unseenFields(fields, found.fields)) context.output.note(text);
    const { documents: total } = found;
    const progress = context.output.progress({ unit: "rows", total });
    const writer = await openCatalogWriter(storeSettings(config));
    try {
      const tell = (count: number) => progress.update({ count });
      const { name: index, made } = await writer.ensureIndex(name, columnIndex(fields), tell);
      progress.finish({ count: total });
      context.output.line(made ? `Made the index ${index}` : `There is an index ${index} already`);
      context.output.json({ name, index, made });
    } finally {
      await writer.close();
    }
    return EXIT_DONE;
  },
});

export const command: Command = {
  name: "catalog",
  summary: "load catalogues from FITS, CSV and Parquet files, list and remove them",
  description:
    "Catalogues are collections of sources on the sky, for cone searches and cross-matches. These commands work " +
    "also beside a running server, which notices.",
  subcommands: [load, list, info, match, drop, index].map(entry),
};
