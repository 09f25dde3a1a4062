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
      choices: ["webhook", "file", "skyportal"],
      doc: "`webhook`: an HTTP request for each match. `file`: lines of JSON. `skyportal`: the instance of the `skyportal` block.",
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
