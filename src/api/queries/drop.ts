/** `drop`: removes a catalogue with all its documents. */
import { SYSTEM_COLLECTIONS } from "../../store/index.ts";
import { forbidden } from "../errors.ts";
import { catalogOf, type QueryType } from "./request.ts";

export const drop: QueryType = {
  name: "drop",
  summary: "removes a catalogue; for the administrator",
  async run(query, _, { store, user }) {
    const collection = catalogOf(query);
    if (!user.isAdministrator) throw forbidden("admin rights required");
    if (SYSTEM_COLLECTIONS.has(collection)) {
      throw forbidden(
        `Protected collection: ${collection} holds the state of the broker and cannot be dropped`,
      );
    }
    await store.drop(collection);
    return { message: "Successfully dropped collection" };
  },
};
