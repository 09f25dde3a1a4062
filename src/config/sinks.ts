/** The part of the schema that says where matches go. */
import { choice, integer, list, object, optional, text } from "./kinds.ts";

const number = integer({ default: 1, min: 1, max: 2_147_483_647, doc: "" });
const words = (doc: string, secret = false) => optional(text({ default: "", doc, secret }));

export const sink = object({
  doc: "One receiver of matches.",
  required: ["type"],
  fields: {
    type: choice({
      default: "webhook",
      choices: ["webhook", "file", "kafka", "skyportal"],
      doc: "`webhook`: an HTTP request for each match. `file`: lines of JSON. `kafka`: messages on a topic of the `kafka` block's cluster. `skyportal`: the instance of the `skyportal` block.",
    }),
    name: words("Identifies the sink; its place in the outbox is kept under this name. By default its type."),
    filters: list({ item: number, doc: "Only matches of these filters (filter_id); empty for all." }),
    groups: list({ item: number, doc: "Only matches of filters of these groups (group_id); empty for all." }),
    from: choice({
      default: "now",
      choices: ["now", "oldest"],
      doc: "Where a sink that is new begins: with matches from now on, or with the oldest that are kept.",
    }),
    url: words("webhook: address that gets the requests."),
    secret: words("webhook: key of the signature in X-Kowalski-Signature.", true),
    path: words("file: folder of the files; a file per night."),
    topic: text({
      default: "kowalski.matches",
      pattern: /^([a-zA-Z0-9._-]|\{(survey|group_id|filter_id)\})+$/,
      expected:
        "a name of letters, digits, `.`, `_` and `-`, with {survey}, {group_id}, {filter_id} where wanted",
      doc: "kafka: the topic; `{survey}`, `{group_id}` and `{filter_id}` stand for those of the match, so that `kowalski.{group_id}.{filter_id}` is a topic per filter. Topics that are missing are made.",
    }),
    partitions: integer({
      default: 4,
      min: 1,
      max: 1000,
      doc: "kafka: partitions of a topic that is made; one that is there stays as it is.",
    }),
    format: choice({
      default: "json",
      choices: ["json", "avro"],
      doc: "kafka: `json`: the match as other sinks send it. `avro`: an Avro container file of the match with its alert.",
    }),
    compression: choice({
      default: "gzip",
      choices: ["none", "gzip", "snappy", "zstd"],
      doc: "kafka: how messages are compressed.",
    }),
    timeout_seconds: integer({
      default: 10,
      min: 1,
      max: 600,
      doc: "webhook, skyportal: seconds until a request counts as failed.",
    }),
    concurrency: integer({
      default: 4,
      min: 1,
      max: 64,
      doc: "webhook, skyportal: objects that are delivered side by side.",
    }),
  },
});

export const outbox = object({
  doc: "Matches on their way to the sinks.",
  fields: {
    retention_days: integer({
      default: 30,
      min: 1,
      max: 36_500,
      doc: "Days after which a match that all sinks have is removed.",
    }),
  },
});
