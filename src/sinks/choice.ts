/** Which filters' matches a sink or a listener gets. */
import type { OutboxItem } from "./outbox.ts";

/** Empty lists choose all. */
export interface FilterChoice {
  readonly filters: readonly number[];
  readonly groups: readonly number[];
  readonly surveys?: readonly string[];
}

/** Whether an entry is a match of a chosen filter. */
export function isChosen({ filters, groups, surveys = [] }: FilterChoice, { match }: OutboxItem): boolean {
  return (
    match !== undefined &&
    (filters.length === 0 || filters.includes(match.filter_id)) &&
    (groups.length === 0 || groups.includes(match.group_id)) &&
    (surveys.length === 0 || surveys.includes(match.survey))
  );
}
