/** The files of a source in a fixed order: a single file, or what a folder holds. */
import { type Dirent, lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { SourceError } from "./source.ts";

/** A file that is still being written changes; one that did not for this long is complete, milliseconds. */
const SETTLED_MS = 2000;

const ARCHIVE = /\.(tar|tar\.gz|tgz)$/i;
const PACKET = /\.avro$/i;

export interface FileItem {
  readonly path: string;
  /** Path within the source, with `/`, or the file's own name. */
  readonly name: string;
  readonly size: number;
  readonly isArchive: boolean;
  /** Sorts the items of a source for good; positions refer to it. */
  readonly order: string;
  /** Within a group new items sort behind those that are there: the folder, where arrival is the order. */
  readonly group: string;
}

/** Whether a file name is one of those that a source reads. */
export function isReadable(name: string): boolean {
  return ARCHIVE.test(name) || PACKET.test(name);
}

/** The files of `path`, by name. Throws `SourceError` when there is nothing that could be read. */
export function listByName(path: string): FileItem[] {
  const root = resolve(path);
  const stats = statOrThrow(root);
  if (!stats.isDirectory()) {
    // A single file was named: it is taken for packets whatever it is called.
    const name = root.split(sep).at(-1) ?? root;
    return [{ path: root, name, size: stats.size, isArchive: ARCHIVE.test(name), order: name, group: "" }];
  }
  const items = [...walk(root)].map(({ file, stats: s }) => itemOf(root, file, s.size));
  if (items.length === 0) {
    throw new SourceError(root, "no .avro, .tar or .tar.gz file in this folder or below");
  }
  return items.sort(byOrder);
}

/**
 * The complete files of a folder in the order in which they arrived (the file system's change time). A rename
 * or copy into the folder counts as a file's arrival. Files that come with a whole folder keep their times:
 * so each folder below is a group of its own, told from others of its name by the file system's number.
 */
export function listByArrival(path: string, now = Date.now()): FileItem[] {
  const root = resolve(path);
  if (!statOrThrow(root).isDirectory()) throw new SourceError(root, "only a folder can be watched");
  const items: FileItem[] = [];
  const groups = new Map<string, string>();
  for (const { file, stats } of walk(root)) {
    if (now - stats.ctimeMs < SETTLED_MS) continue;
    const item = itemOf(root, file, stats.size);
    const folder = dirname(file);
    const group = groups.get(folder) ?? groupOf(root, folder);
    groups.set(folder, group);
    items.push({ ...item, group, order: `${stats.ctimeMs.toFixed(3).padStart(18, "0")} ${item.name}` });
  }
  return items.sort(byOrder);
}

function itemOf(root: string, file: string, size: number): FileItem {
  const name = relative(root, file).split(sep).join("/");
  return { path: file, name, size, isArchive: ARCHIVE.test(name), order: name, group: "" };
}

function groupOf(root: string, folder: string): string {
  const inode = statSync(folder, { throwIfNoEntry: false })?.ino ?? 0;
  return `${relative(root, folder).split(sep).join("/")}#${inode}`;
}

const byOrder = (a: FileItem, b: FileItem) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0);

/**
 * What a folder holds, and what is below. What cannot be looked at is there too: reading it fails, and tells
 * why, without keeping anybody from the rest.
 */
function* walk(folder: string, isRoot = true): Generator<{ file: string; stats: Stats }> {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (isRoot) throw new SourceError(folder, `cannot be read: ${String(error)}`);
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats !== undefined) yield { file: folder, stats };
    return;
  }
  for (const entry of entries) {
    const file = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(file, false);
    else if (isReadable(entry.name)) {
      const found = lookAt(file);
      if (found !== undefined) yield { file, stats: found };
    }
  }
}

/** A file's state, or that of the link that leads nowhere; undefined for what is gone or is no file. */
function lookAt(file: string): Stats | undefined {
  try {
    // A file may go away between listing and looking.
    const stats = statSync(file, { throwIfNoEntry: false });
    return stats?.isFile() === true ? stats : undefined;
  } catch {
    return lstatSync(file, { throwIfNoEntry: false });
  }
}

function statOrThrow(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    throw new SourceError(
      path,
      code === "ENOENT" ? "no such file or folder" : `cannot be read: ${String(error)}`,
    );
  }
}
