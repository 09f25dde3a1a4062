/** Gives encoded alerts the matches that were found for their objects. */
import type { AlertEncoder, AlertRecord, EncodedAlert } from "../store/index.ts";

/** The alerts of a batch with the matches of the records they were encoded from, which stand in the same order. */
export function withCrossMatches(
  alerts: readonly EncodedAlert[],
  records: readonly AlertRecord[],
  encoder: AlertEncoder,
): readonly EncodedAlert[] {
  return alerts.map((alert, index) => {
    const crossMatches = records[index]?.crossMatches;
    return crossMatches === undefined ? alert : encoder.withCrossMatches(alert, crossMatches);
  });
}
