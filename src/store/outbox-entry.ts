/** The documents of the outbox as every store keeps them. */
import type { Document } from "../query/index.ts";
import type { OutboxEntry } from "./store.ts";

/**
 * What is known only when an entry is written. It stands right behind `_id`, so that a writer finds its place in
 * what was encoded before.
 */
const BLANK = { seq: 0n, created_at: new Date(0) } as const;

/** The document of a match, whose number and time are blank. */
export function matchDocument({ id, survey, candid, objectId, document }: OutboxEntry): Document {
  return { _id: id, ...BLANK, kind: "match", survey, candid, objectId, document };
}

/** The document of a new alert of a reported object that no filter passed; number and time are blank. */
export function updateDocument(alert: Omit<OutboxEntry, "id" | "document">): Document {
  const { survey, candid, objectId } = alert;
  return { _id: updateId(alert), ...BLANK, kind: "update", survey, candid, objectId };
}

export function updateId({ survey, candid }: Pick<OutboxEntry, "survey" | "candid">): string {
  return `update/${survey}/${candid}`;
}

/** What identifies the alert of an entry. */
export function alertKey({ survey, candid }: Pick<OutboxEntry, "survey" | "candid">): string {
  return `${survey}/${candid}`;
}

/** The `_id` under which an entry's object stands among the reported ones. */
export function objectKey({ survey, objectId }: Pick<OutboxEntry, "survey" | "objectId">): string {
  return `${survey}/${objectId}`;
}
