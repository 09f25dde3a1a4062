/** What a user may see: system collections are for administrators, proprietary alerts for their programs. */
import type { Document } from "../query/index.ts";
import { SYSTEM_COLLECTIONS } from "../store/index.ts";
import { type Survey, surveys } from "../surveys/index.ts";
import { forbidden } from "./errors.ts";
import type { User } from "./identity.ts";

/** The program ids a user may see of a survey; undefined: all. */
export function visiblePrograms(user: User, survey: Survey): readonly number[] | undefined {
  if (user.isAdministrator || survey.programPath === undefined) return undefined;
  return user.account.permissions[survey.name];
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
    if (collection === survey.collections.aux || collection === survey.collections.cutouts) {
      throw forbidden(
        `${collection} holds proprietary data beyond your programs: ask /api/objects/${survey.name.toLowerCase()}/<objectId> for what you may see`,
      );
    }
  }
  return filter;
}

export function refuseSystemCollection(user: User, collection: string): void {
  if (user.isAdministrator || !SYSTEM_COLLECTIONS.has(collection)) return;
  throw forbidden(`Protected collection: ${collection} is for administrators`);
}

/** Whether a history row or candidate with this program id is visible. */
export function isVisible(row: Document, programs: readonly number[] | undefined): boolean {
  return programs === undefined || programs.includes(Number(row["programid"]));
}
