/** Parts of addresses that name an alert: the survey and the candid; and parameters that are one of a few words. */
import { type Survey, surveyByName, surveys } from "../surveys/index.ts";
import { badRequest } from "./errors.ts";

const LARGEST_CANDID = 2n ** 63n - 1n;

/** Throws `HttpError` 400 for a survey that is not known. */
export function surveyOf(name: string): Survey {
  const survey = surveyByName(name);
  if (survey !== undefined) return survey;
  throw badRequest(`survey ${name}: expected one of ${surveys.map((known) => known.name).join(", ")}`);
}

/** Throws `HttpError` 400 for what is no whole number of 63 bits. */
export function candidOf(text: string): bigint {
  const candid = /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (candid === undefined || candid > LARGEST_CANDID)
    throw badRequest(`candid ${text}: expected a whole number`);
  return candid;
}

/** The word, in any case, if it is one of `choices`; `otherwise` where there is none. Throws `HttpError` 400. */
export function wordOf<Word extends string>(
  name: string,
  given: string | null | undefined,
  choices: readonly Word[],
  otherwise: Word,
): Word {
  if (given === undefined || given === null || given === "") return otherwise;
  const known = choices.find((choice) => choice === given.toLowerCase());
  if (known !== undefined) return known;
  throw badRequest(`${name} ${given}: expected one of ${choices.join(", ")}`);
}
