/** Whose image stamps are stored. */
import type { AlertEncoder, EncodedAlert, OutboxEntry } from "../store/index.ts";

/** Of all alerts, of those that a filter matched, or of none. */
export type CutoutsKept = "all" | "matched" | "none";

/** What an encoder has to do before it is known which alerts are matched. */
export function encodedCutouts(kept: CutoutsKept): "all" | "none" {
  return kept === "none" ? "none" : "all";
}

/** The alerts of a batch, without the stamps that are not kept. */
export function keepCutouts(
  kept: CutoutsKept,
  alerts: readonly EncodedAlert[],
  matches: readonly Pick<OutboxEntry, "survey" | "candid">[],
  encoder: AlertEncoder,
): readonly EncodedAlert[] {
  if (kept !== "matched") return alerts;
  const keyOf = ({ survey, candid }: Pick<OutboxEntry, "survey" | "candid">) => `${survey}/${candid}`;
  const matched = new Set(matches.map(keyOf));
  return alerts.map((alert) => (matched.has(keyOf(alert)) ? alert : encoder.withoutCutouts(alert)));
}
