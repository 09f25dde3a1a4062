/** What a user may see: system collections are for administrators, proprietary alerts for their programs. */
import { type Document, isDocument, type Value } from "../query/index.ts";
import { type Store, SYSTEM_COLLECTIONS } from "../store/index.ts";
import { classificationsOf, type Survey, surveys } from "../surveys/index.ts";
import { forbidden } from "./errors.ts";
import type { User } from "./identity.ts";

/** The program ids a user may see of a survey; undefined: all. */
export function visiblePrograms(user: User, survey: Survey): readonly number[] | undefined {
  if (user.isAdministrator || survey.programPath === undefined) return undefined;
  return user.account.permissions[survey.name];
}

/** The programs a user may see, by survey; surveys that are not named the user sees whole. */
export function programsBySurvey(user: User): Document {
  return Object.fromEntries(
    surveys.flatMap((survey) => {
      const programs = visiblePrograms(user, survey);
      return programs === undefined ? [] : [[survey.name, [...programs]]];
    }),
  );
}

/** Whether the user may see all that could be seen with these programs (as `programsBySurvey` gives them). */
export function seesNoLess(user: User, programs: Document): boolean {
  return Object.entries(programsBySurvey(user)).every(([survey, visible]) => {
    const before = programs[survey];
    return (
      Array.isArray(before) && Array.isArray(visible) && before.every((program) => visible.includes(program))
    );
  });
}

/**
 * The user's filter, narrowed to what the user may see of the collection. Throws `HttpError` 403 where the
 * collection is closed to the user.
 */
export function visibleFilter(user: User, collection: string, filter: Document): Document {
  refuseSystemCollection(user, collection);
  for (const survey of surveys) {
    const programs = visiblePrograms(user, survey);
    if (programs === undefined || survey.programPath === undefined) continue;
    if (collection === survey.collections.alerts) {
      return { $and: [{ [survey.programPath]: { $in: [...programs] } }, filter] };
    }
    if (collectionsOf(survey).includes(collection)) {
      throw forbidden(
        `${collection} holds proprietary data beyond your programs: ask /api/objects/${survey.name.toLowerCase()}/<objectId> for what you may see`,
      );
    }
  }
  return filter;
}

/** Collections that stores keep for themselves: the parts behind a view of objects, and the server's own. */
const INTERNAL = /_aux\.(objects|chunks)$|^system\./;

export function refuseSystemCollection(user: User, collection: string): void {
  if (user.isAdministrator) return;
  if (!SYSTEM_COLLECTIONS.has(collection) && !INTERNAL.test(collection)) return;
  throw forbidden(`Protected collection: ${collection} is for administrators`);
}

/**
 * `visibleFilter` for a query as a user writes it. MongoDB may compute an `$expr` of an alert before it looks at
 * its program, and tell of its values in the error: restricted users cannot send one there.
 */
export function queryFilter(
  { user, store }: { readonly user: User; readonly store: Store },
  collection: string,
  filter: Document,
): Document {
  const visible = visibleFilter(user, collection, filter);
  if (visible !== filter && store.kind === "mongo" && hasExpression(filter)) {
    throw forbidden("$expr is not available to users who may not see all alerts, on a MongoDB store");
  }
  return visible;
}

function hasExpression(value: Value | undefined): boolean {
  if (Array.isArray(value)) return value.some(hasExpression);
  return (
    isDocument(value) && Object.entries(value).some(([name, part]) => name === "$expr" || hasExpression(part))
  );
}

/** What an explanation counts would tell of alerts that the user may not see. Throws `HttpError` 403. */
export function refuseExplain(user: User, collections: Iterable<string>): void {
  if (isRestricted(user, collections)) {
    throw forbidden("kwargs.explain is not available to users who may not see all alerts");
  }
}

/** Whether some of these collections hold alerts that the user may not see. */
export function isRestricted(user: User, collections: Iterable<string>): boolean {
  const names = new Set(collections);
  return surveys.some(
    (survey) =>
      visiblePrograms(user, survey) !== undefined && collectionsOf(survey).some((name) => names.has(name)),
  );
}

/** All that tells of a survey's alerts. */
function collectionsOf(survey: Survey): string[] {
  return [...Object.values(survey.collections), classificationsOf(survey)];
}

/** Whether a history row or candidate with this program id is visible. */
export function isVisible(row: Document, programs: readonly number[] | undefined): boolean {
  return programs === undefined || programs.includes(Number(row["programid"]));
}
