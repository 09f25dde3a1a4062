/** The version of this program: from package.json, with the commit the build put in. */
import manifest from "../../package.json" with { type: "json" };

/** Replaced by the build; absent when running from source. */
declare const KOWALSKI_COMMIT: string | undefined;

export const version = {
  release: manifest.version,
  commit: typeof KOWALSKI_COMMIT === "string" ? KOWALSKI_COMMIT : "source",
} as const;
