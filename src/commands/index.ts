/** The verbs of `kowalski`. Adding one is a file in this room and a line in the list below. */
import type { Command } from "./command.ts";

export const program: Command = {
  name: "kowalski",
  summary: "Alert broker for time-domain astronomy.",
  description:
    "Kowalski ingests alert packets of astronomical surveys, stores them, and answers queries over HTTP.\n\n" +
    "`kowalski demo` shows it at work in a minute. `kowalski ingest FILES` followed by `kowalski serve` does the same with your own packets.",
  subcommands: [
    {
      name: "serve",
      summary: "answer HTTP and ingest the configured sources",
      load: async () => (await import("./serve.ts")).command,
    },
    {
      name: "demo",
      summary: "show everything at work on a simulated night",
      load: async () => (await import("./demo.ts")).command,
    },
    {
      name: "ingest",
      summary: "read alert packets into the store",
      load: async () => (await import("./ingest.ts")).command,
    },
    {
      name: "simulate",
      summary: "write alert packets of a simulated sky",
      load: async () => (await import("./simulate.ts")).command,
    },
    {
      name: "score",
      summary: "score stored alerts with the configured networks",
      load: async () => (await import("./score.ts")).command,
    },
    {
      name: "filter",
      summary: "try, make, list, switch and backfill filters",
      load: async () => (await import("./filter.ts")).command,
    },
    {
      name: "query",
      summary: "run a query and print its answer",
      load: async () => (await import("./query.ts")).command,
    },
    {
      name: "catalog",
      summary: "load catalogues from FITS, CSV and Parquet files, list and remove them",
      load: async () => (await import("./catalog.ts")).command,
    },
    {
      name: "produce",
      summary: "publish packets to a Kafka topic",
      load: async () => (await import("./produce.ts")).command,
    },
    {
      name: "deadletter",
      summary: "list, show and replay packets that could not be ingested",
      load: async () => (await import("./deadletter.ts")).command,
    },
    {
      name: "user",
      summary: "add, list, change and remove users",
      load: async () => (await import("./user.ts")).command,
    },
    {
      name: "secrets",
      summary: "make strong passwords and keys",
      load: async () => (await import("./secrets.ts")).command,
    },
    {
      name: "check",
      summary: "try every configured part and say what works",
      load: async () => (await import("./check.ts")).command,
    },
    {
      name: "version",
      summary: "print the version",
      load: async () => (await import("./version.ts")).command,
    },
  ],
  examples: [
    { line: "kowalski demo", help: "a simulated night, ready to query" },
    { line: "kowalski serve --data-dir /data/kowalski", help: "serve what is stored there" },
  ],
};
