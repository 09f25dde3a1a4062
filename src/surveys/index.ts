/** The surveys Kowalski knows. Adding one is a file in this room and a line in the list below. */
import type { Survey } from "./survey.ts";
import { ztf } from "./ztf.ts";

export { coordinatesOf } from "./coordinates.ts";
export { alertPoints, type FluxPoint, forcedPoints } from "./photometry.ts";
export {
  type FilterHistory,
  type FirstRow,
  PacketError,
  STAMP_KINDS,
  type StampKind,
  type Survey,
} from "./survey.ts";
export { alertProgramOf, jdOf, upstreamStages } from "./upstream.ts";

export const surveys: readonly Survey[] = [ztf];

/** The survey that publishes packets with this Avro schema. */
export function surveyForSchema(schemaName: string, fieldNames: ReadonlySet<string>): Survey | undefined {
  return surveys.find((survey) => survey.recognises(schemaName, fieldNames));
}

/** The survey of this name, in any case: `ztf`, `ZTF`. */
export function surveyByName(name: string): Survey | undefined {
  const wanted = name.toUpperCase();
  return surveys.find((survey) => survey.name === wanted);
}

/** The collection of what users say of a survey's alerts: one document per alert, `_id` = candid. */
export function classificationsOf(survey: Survey): string {
  return `${survey.collections.alerts}_classifications`;
}
