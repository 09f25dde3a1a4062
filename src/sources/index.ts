/** Where packets come from. Adding a kind of source is a file in this room and a line in `openSource`. */
import { downloadSource } from "./download.ts";
import { fileSource } from "./files.ts";
import { type BatchLimits, type Source, SourceError } from "./source.ts";

export { pause } from "./files.ts";
export * from "./source.ts";

/** A source as configuration and command line name it. */
export interface SourceSpec {
  /** A path, or an http(s) address. */
  readonly location: string;
  readonly watch?: boolean;
  readonly username?: string;
  readonly password?: string;
}

export interface OpenOptions {
  readonly limits: BatchLimits;
  /** Folder for downloads. */
  readonly downloads: string;
}

/** The source of a specification; nothing is read yet. Throws `SourceError` for an address that is none. */
export function openSource(spec: SourceSpec, { limits, downloads }: OpenOptions): Source {
  const { location, watch = false, username, password } = spec;
  if (!/^https?:\/\//i.test(location)) return fileSource(location, { watch, limits });
  if (!URL.canParse(location)) throw new SourceError(location, "this is no address");
  return downloadSource(location, {
    folder: downloads,
    limits,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
}
