/** A thread for long work on one catalogue, beside the one that answers HTTP. */
import { openCatalogWriter, type StoreSettings } from "../store/index.ts";
import { columnIndex, loadCatalog } from "./load.ts";
import type { CatalogWork, WorkAnswer, WorkMessage } from "./work.ts";

declare const self: Worker;

/** How often progress is told, milliseconds. */
const TELL_MS = 250;

const stopper = new AbortController();

self.onmessage = ({ data }: MessageEvent<WorkMessage>) => {
  if (data.type === "stop") {
    stopper.abort();
    return;
  }
  perform(data.work, data.settings).then(send, (error: unknown) => {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    send({ type: "failed", name, message });
  });
};

async function perform(work: CatalogWork, settings: StoreSettings): Promise<WorkAnswer> {
  if (work.type === "load") {
    let told = 0;
    const totals = await loadCatalog(work.request, {
      settings,
      signal: stopper.signal,
      note: (text) => send({ type: "note", text }),
      badRow: (row) => send({ type: "bad-row", row }),
      progress(state) {
        if (performance.now() - told < TELL_MS) return;
        told = performance.now();
        send({ type: "progress", state });
      },
    });
    return { type: "done", totals };
  }
  const writer = await openCatalogWriter(settings);
  try {
    if (work.type === "drop") return { type: "done", existed: await writer.drop(work.name) };
    const tell = (rows: number) => send({ type: "progress", state: { rows } });
    const { made } = await writer.ensureIndex(work.name, columnIndex(work.fields), tell);
    return { type: "done", existed: made };
  } finally {
    await writer.close();
  }
}

function send(answer: WorkAnswer): void {
  self.postMessage(answer);
}
