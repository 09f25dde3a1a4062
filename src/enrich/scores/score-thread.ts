/** A thread that scores stored alerts and tells what is new. */
import { type Document, equalValues, isDocument } from "../../query/index.ts";
import { decodeDocument, encodeDocument } from "../../store/index.ts";
import { ModelError } from "./model.ts";
import type { NewScores, ScoreAnswer, ScoreRequest } from "./score-pool.ts";
import { Scorer, type ScoreSettings } from "./scorer.ts";

declare const self: Worker;

let opening: Promise<Scorer> | undefined;
/** Requests are worked on one after the other. */
let turn: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ScoreRequest>) => {
  if (data.type === "open") void open(data.scores);
  else turn = turn.then(() => score(data));
};

async function open(scores: ScoreSettings): Promise<void> {
  try {
    opening = Scorer.open(scores);
    await opening;
    send({ type: "opened" });
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    send({ type: "refused", model: error.model, reason: error.reason });
  }
}

async function score({ id, alerts }: Extract<ScoreRequest, { type: "score" }>): Promise<void> {
  const scorer = await opening;
  if (scorer === undefined) throw new Error("alerts came before the networks");
  const known = alerts.map(({ document: text, ...alert }) => {
    const document = decodeDocument(text);
    return { alert: { ...alert, document }, before: { ...classificationsOf(document) } };
  });
  await scorer.score(known.map(({ alert }) => alert));
  const changed: NewScores[] = [];
  for (const { alert, before } of known) {
    const fields = newScores(before, classificationsOf(alert.document));
    if (Object.keys(fields).length > 0) {
      changed.push({ candid: alert.candid, fields: encodeDocument(fields) });
    }
  }
  send({ type: "scored", id, changed, news: scorer.tally.take() });
}

function send(answer: ScoreAnswer): void {
  self.postMessage(answer);
}

function classificationsOf({ classifications }: Document): Document {
  return isDocument(classifications) ? classifications : {};
}

/** The fields of `classifications` that scoring added or changed. */
function newScores(before: Document, after: Document): Document {
  const fields: Document = {};
  for (const [name, value] of Object.entries(after)) {
    const known = before[name];
    if (value !== undefined && (known === undefined || !equalValues(known, value))) fields[name] = value;
  }
  return fields;
}
