/** `kowalski deadletter`: lists, shows and replays the packets that could not be ingested. */
import { writeFileSync } from "node:fs";
import { type KeptPacket, Replay } from "../broker/index.ts";
import type { Config } from "../config/index.ts";
import { prepareScores } from "../enrich/scores/index.ts";
import { registrySettings } from "../kafka/index.ts";
import type { Document } from "../query/index.ts";
import { openStore, type Store } from "../store/index.ts";
import { type CommandContext, defineCommand, entry } from "./command.ts";
import { CommandError, EXIT_DONE, EXIT_FAILED, UsageError } from "./errors.ts";
import { crossMatchSettings, storeSettings } from "./open-store.ts";

const COLLECTION = "dead_letters";
const MAX_TIME_MS = 60_000;
const REPLAY_MAX_MS = 24 * 3_600_000;
/** Columns of a place or message in the list. */
const LIST_WIDTH = 80;

const list = defineCommand({
  name: "list",
  summary: "list the dead letters",
  options: {
    reason: { type: "text", value: "NAME", help: "only those with this reason, e.g. TornFileError" },
    limit: { type: "integer", min: 1, default: 100, value: "N", help: "how many" },
  },
  async run(context) {
    await withStore(context, async (store) => {
      const { reason, limit } = context.options;
      const filter = reason === undefined ? {} : { reason };
      const letters = store.find({
        collection: COLLECTION,
        filter,
        projection: { bytes: 0 },
        sort: [["created_at", -1]],
        limit,
        maxTimeMs: MAX_TIME_MS,
      });
      const rows = [];
      for await (const letter of letters.documents()) rows.push(rowOf(letter));
      context.output.table(["id", "reason", "place", "message", "created_at"], rows);
      const total = await store.count({ collection: COLLECTION, filter, maxTimeMs: MAX_TIME_MS });
      context.output.line(`${total} dead letter${total === 1 ? "" : "s"}`);
    });
    return EXIT_DONE;
  },
});

const show = defineCommand({
  name: "show",
  summary: "show one dead letter, or save its packet",
  positionals: [{ name: "ID", help: "as `list` prints it" }],
  options: { bytes: { type: "text", value: "FILE", help: "write the packet's bytes to this file" } },
  async run(context) {
    const [id = ""] = context.args;
    await withStore(context, async (store) => {
      const letter = await letterById(store, id);
      const { bytes, ...rest } = letter;
      const size = bytes instanceof Uint8Array ? bytes.length : 0;
      const row = { ...rest, bytes: size };
      context.output.json(row);
      for (const [field, value] of Object.entries(row)) {
        context.output.line(`${field.padEnd(11)} ${dateText(value)}`);
      }
      const { bytes: file } = context.options;
      if (file !== undefined && bytes instanceof Uint8Array) writeFileSync(file, bytes);
    });
    return EXIT_DONE;
  },
});

const replay = defineCommand({
  name: "replay",
  summary: "try dead letters again",
  description:
    "Sends packets the way of an alert once more, for instance after an update. A letter whose packet is ingested is removed.",
  positionals: [{ name: "ID", help: "as `list` prints it", optional: true, variadic: true }],
  options: {
    all: { type: "flag", help: "all of them" },
    reason: { type: "text", value: "NAME", help: "all with this reason" },
  },
  async run(context) {
    const { all, reason } = context.options;
    if (context.args.length === 0 && !all && reason === undefined) {
      throw new UsageError("which? Name dead letters, or give --all or --reason");
    }
    const filter: Document =
      context.args.length > 0 ? { _id: { $in: [...context.args] } } : reason === undefined ? {} : { reason };
    let failed = 0;
    let replayed = 0;
    await withStore(context, async (store, config) => {
      for (const id of context.args) await letterById(store, id);
      const replay = await Replay.open(storeSettings(config), {
        cutouts: config.cutouts,
        crossMatches: crossMatchSettings(config),
        registry: registrySettings(config),
        scores: await prepareScores(config),
      });
      const letters = store.find({ collection: COLLECTION, filter, maxTimeMs: REPLAY_MAX_MS });
      for await (const letter of letters.documents()) {
        if (context.signal.aborted) break;
        const packet = packetOf(letter);
        const fault = await replay.packet(packet);
        if (fault === undefined) replayed++;
        else {
          failed++;
          context.output.note(`${packet.id}: ${fault.reason}: ${fault.message}`);
        }
      }
      await replay.close();
    });
    context.output.json({ event: "summary", replayed, failed });
    context.output.line(`${replayed} ingested and removed, ${failed} still dead`);
    return failed > 0 ? EXIT_FAILED : EXIT_DONE;
  },
});

export const command = defineCommand({
  name: "deadletter",
  summary: "list, show and replay packets that could not be ingested",
  subcommands: [entry(list), entry(show), entry(replay)],
});

async function withStore(
  context: Pick<CommandContext, "loadConfig">,
  work: (store: Store, config: Config) => Promise<void>,
): Promise<void> {
  const { config } = context.loadConfig();
  const store = await openStore(storeSettings(config), { readers: 1 });
  try {
    await work(store, config);
  } finally {
    await store.close();
  }
}

function packetOf({ _id: id, place, bytes }: Document): KeptPacket {
  return {
    id: String(id),
    place: String(place),
    bytes: bytes instanceof Uint8Array ? bytes : new Uint8Array(0),
  };
}

async function letterById(store: Store, id: string): Promise<Document> {
  const letter = await store.findOne({ collection: COLLECTION, filter: { _id: id }, maxTimeMs: MAX_TIME_MS });
  if (letter === undefined) throw new CommandError(`no dead letter ${id}: see \`kowalski deadletter list\``);
  return letter;
}

function rowOf(letter: Document) {
  const cut = (value: unknown) => String(value ?? "").slice(0, LIST_WIDTH);
  const { created_at: created } = letter;
  return {
    id: String(letter["_id"]),
    reason: cut(letter["reason"]),
    place: cut(letter["place"]),
    message: cut(letter["message"]),
    created_at: dateText(created),
  };
}

function dateText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value ?? "");
}
