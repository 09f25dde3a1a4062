/** Histories whose rows are still in the bytes of their packet. */
import type { Document } from "../query/index.ts";
import type { HistoryUpdate } from "../store/alert-record.ts";
import { documentsOf, type FlatRows } from "../store/flat-rows.ts";

/** A history with these rows: documents when they are asked for. */
export function flatHistory(flat: FlatRows, rest: Omit<HistoryUpdate, "rows" | "flat">): HistoryUpdate {
  let documents: readonly Document[] | undefined;
  return {
    ...rest,
    flat,
    get rows() {
      documents ??= documentsOf(flat);
      return documents;
    },
  };
}

/** Places of times in ascending order, those of the same time as they come. */
export function inTime(times: readonly number[]): number[] {
  const order = times.map((_, index) => index);
  const isAscending = times.every((time, index) => index === 0 || (times[index - 1] as number) <= time);
  return isAscending ? order : order.sort((a, b) => (times[a] as number) - (times[b] as number));
}

/** Texts of times: alerts of one exposure, and those of one object, share the times of their histories. */
const timeTexts = new Map<number, string>();
const MOST_TIMES = 8192;

/** A time, Julian date, as text: `String(jd)`. */
export function timeText(jd: number): string {
  let text = timeTexts.get(jd);
  if (text === undefined) {
    text = String(jd);
    if (timeTexts.size >= MOST_TIMES) timeTexts.clear();
    timeTexts.set(jd, text);
  }
  return text;
}
