/** Calendar fields of dates, read from the UTC fields of a `Date`. */

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Milliseconds of a day's start; fields beyond their range carry over. `month` counts from 0. */
export function startOfDay(year: number, month: number, day: number): number {
  const date = new Date(0);
  // `Date.UTC` would take years below 100 for those of the 20th century.
  date.setUTCFullYear(year, month, day);
  return date.getTime();
}

export function daysInMonth(year: number, month: number): number {
  return new Date(startOfDay(year, month + 1, 0)).getUTCDate();
}

/** From 1. */
export function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - startOfDay(date.getUTCFullYear(), 0, 1)) / DAY) + 1;
}

/** From Sunday = 1 to Saturday = 7. */
export function dayOfWeek(date: Date): number {
  return date.getUTCDay() + 1;
}

/** From Monday = 1 to Sunday = 7. */
export function isoDayOfWeek(date: Date): number {
  return date.getUTCDay() || 7;
}

/** Weeks begin on Sundays; days before the first Sunday are in week 0. */
export function weekOfYear(date: Date): number {
  return Math.floor((dayOfYear(date) + 6 - date.getUTCDay()) / 7);
}

/** The Thursday of a date's week decides its ISO year. */
function thursday(date: Date): Date {
  return new Date(date.getTime() + (4 - isoDayOfWeek(date)) * DAY);
}

export function isoWeekYear(date: Date): number {
  return thursday(date).getUTCFullYear();
}

export function isoWeek(date: Date): number {
  return Math.floor((dayOfYear(thursday(date)) - 1) / 7) + 1;
}

/** The start of a day given by ISO week; fields beyond their range carry over. */
export function startOfIsoDay(year: number, week: number, day: number): number {
  const fourth = new Date(startOfDay(year, 0, 4));
  const monday = fourth.getTime() - (isoDayOfWeek(fourth) - 1) * DAY;
  return monday + ((week - 1) * 7 + (day - 1)) * DAY;
}
