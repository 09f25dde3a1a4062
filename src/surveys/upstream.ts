/**
 * The upstream of a survey's filters: what stands before the stages of an author.
 *
 * An alert is selected by candid and permitted program, and joined with its object's cross-matches and with
 * the rows of its histories that are permitted, lie in the window before it, and are none of its future. The
 * broker does not execute these stages: it joins alerts in memory, by the same rules.
 */
import { type Document, isDocument, type Value } from "../query/index.ts";
import { numberOf } from "./fields.ts";
import type { FilterHistory, Survey } from "./survey.ts";

/**
 * The upstream as stages on the survey's collection of alerts, for `aggregate` queries: of one alert, or of
 * all that the filter's permissions allow.
 */
export function upstreamStages(survey: Survey, permissions: readonly number[], candid?: bigint): Document[] {
  const programs = [...permissions];
  const joined: Document = { cross_matches: stored("cross_matches") };
  for (const history of survey.filterHistories) {
    joined[history.field] = historyExpression(
      history,
      survey.programPath === undefined ? undefined : programs,
    );
  }
  return [
    {
      $match: {
        ...(candid === undefined ? {} : { candid }),
        ...(survey.programPath === undefined ? {} : { [survey.programPath]: { $in: programs } }),
      },
    },
    { $lookup: { from: survey.collections.aux, localField: "objectId", foreignField: "_id", as: "aux" } },
    { $addFields: joined },
    { $project: { aux: 0 } },
  ];
}

const stored = (field: string): Document => ({ $arrayElemAt: [`$aux.${field}`, 0] });

function historyExpression(history: FilterHistory, programs: readonly number[] | undefined): Value {
  const { field, days, only = {}, nullWhenEmpty } = history;
  const conditions: Value[] = [
    ...(programs === undefined ? [] : [{ $in: ["$$row.programid", [...programs]] }]),
    { $lt: [{ $subtract: ["$candidate.jd", "$$row.jd"] }, days] },
    { $lt: ["$$row.jd", "$candidate.jd"] },
    ...Object.entries(only).map(([name, value]) => ({ $eq: [`$$row.${name}`, value] })),
  ];
  const rows = { $filter: { input: stored(field), as: "row", cond: { $and: conditions } } };
  if (!nullWhenEmpty) return rows;
  return { $cond: [{ $eq: [{ $ifNull: [stored(field), []] }, []] }, null, rows] };
}

/** Julian date of a stored alert, days; NaN when it has none. */
export function jdOf(alert: Document): number {
  const { candidate } = alert;
  return (isDocument(candidate) ? numberOf(candidate["jd"]) : undefined) ?? Number.NaN;
}

/** The program of a stored alert, for surveys that have such. */
export function alertProgramOf(survey: Survey, alert: Document): number | undefined {
  let value: Value | undefined = alert;
  for (const part of survey.programPath?.split(".") ?? [])
    value = isDocument(value) ? value[part] : undefined;
  return numberOf(value);
}
