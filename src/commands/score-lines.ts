/** How commands tell what became of alerts at the networks. */
import type { ScoreCounts } from "../enrich/scores/index.ts";

/** A line for each network: `scores      braai: 24 scored, 2 template stamp blank`. */
export function scoreLines(scores: ScoreCounts): string[] {
  return Object.entries(scores).map(([model, outcomes], index) => {
    const { scored = 0, ...others } = outcomes;
    const counts = [["scored", scored] as const, ...Object.entries(others)];
    const told = counts.map(([outcome, count]) => `${count} ${outcome}`).join(", ");
    return `${(index === 0 ? "scores" : "").padEnd(11)} ${model}: ${told}`;
  });
}
