import type { BigIntStats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { coerceError } from "#lib/errors.ts";
import { inChunks } from "./chunks.ts";
import { isIgnored, isManifest } from "./names.ts";

/** Deepest directory that is entered, counted from the folder. People nest by team and environment; 32 is a loop or a mistake. */
export const folderDepthMax = 32;

/** Most manifest files in a folder: at one object each, ten times the largest installation this is measured with. */
export const filesMax = 10_000;

/**
 * Most directories that are entered, links counted each time: links between two directories of each level lead to 2^depth
 * paths, whose walk would never end, and with it no deletion and no revocation would ever be seen.
 */
export const directoriesMax = 10_000;

/** A manifest file as a walk found it. */
export interface FoundFile {
  /** Relative to the folder, with `/`; how messages name it. */
  readonly path: string;
  /** Absolute, where the walk came upon it. */
  readonly absolute: string;
  /** Device, inode, size and times of the file itself, links resolved: differs when the content may differ. */
  readonly fingerprint: string;
  /** Bytes. */
  readonly size: number;
}

/** Something in the folder that cannot be read: what was known of it, and of all below it, stays as it was. */
interface Unreadable {
  readonly path: string;
  readonly why: string;
}

/** What a walk saw. */
export interface Walk {
  readonly files: readonly FoundFile[];
  readonly unreadable: readonly Unreadable[];
  /** Real paths of the directories, for watching. */
  readonly directories: readonly string[];
}

/** The folder cannot be read as a whole; `missing` where it is not there. */
export class FolderUnreadable extends Error {
  readonly missing: boolean;

  constructor(message: string, missing: boolean) {
    super(message);
    this.missing = missing;
  }
}

/** The folder is read, but holds more than a limit allows: nothing of the scan is used. */
export class FolderTooLarge extends Error {}

/** Finds the manifest files below `folder`, in order of path. Follows links; throws only the two errors above. */
export async function walkFolder(folder: string): Promise<Walk> {
  const walk: Collected = { files: [], unreadable: [], directories: [] };
  try {
    const root = await stat(folder, { bigint: true });
    if (!root.isDirectory()) {
      throw new FolderUnreadable("it is not a directory", false);
    }
    await walkInto(folder, "", [identityOf(root)], walk, true);
  } catch (thrown) {
    if (thrown instanceof FolderUnreadable || thrown instanceof FolderTooLarge) {
      throw thrown;
    }
    const isMissing = codeOf(thrown) === "ENOENT";
    throw new FolderUnreadable(isMissing ? "it does not exist" : describe(thrown), isMissing);
  }
  return walk;
}

interface Collected {
  readonly files: FoundFile[];
  readonly unreadable: Unreadable[];
  readonly directories: string[];
}

async function walkInto(
  absolute: string,
  path: string,
  above: readonly string[],
  walk: Collected,
  isRoot = false,
): Promise<void> {
  if (walk.directories.length >= directoriesMax) {
    throw new FolderTooLarge(`it has more than ${directoriesMax} directories, counted along every link`);
  }
  let names: string[];
  try {
    walk.directories.push(await realpath(absolute));
    names = await readdir(absolute);
  } catch (thrown) {
    if (isRoot) {
      throw thrown;
    }
    walk.unreadable.push({ path, why: describe(thrown) });
    return;
  }
  const wanted = names.filter((name) => !isIgnored(name)).sort();
  const looks = await inChunks(wanted, (name) => look(join(absolute, name)));
  for (const [index, name] of wanted.entries()) {
    const seen = looks[index];
    if (seen !== undefined) {
      await visit(join(absolute, name), path === "" ? name : `${path}/${name}`, seen, above, walk);
    }
  }
}

/** What is at a path, links resolved, or why that cannot be said. */
async function look(absolute: string): Promise<BigIntStats | { readonly why: string }> {
  try {
    return await stat(absolute, { bigint: true });
  } catch (thrown) {
    return { why: codeOf(thrown) === "ENOENT" ? "the link leads nowhere" : describe(thrown) };
  }
}

async function visit(
  absolute: string,
  path: string,
  found: BigIntStats | { readonly why: string },
  above: readonly string[],
  walk: Collected,
): Promise<void> {
  if ("why" in found) {
    // A link that leads nowhere may stand for a directory of any name: its objects must not count as deleted.
    walk.unreadable.push({ path, why: found.why });
    return;
  }
  if (found.isDirectory()) {
    await visitDirectory(absolute, path, [...above, identityOf(found)], walk);
    return;
  }
  if (!isManifest(path)) {
    return;
  }
  if (!found.isFile()) {
    walk.unreadable.push({ path, why: "it is not a regular file" });
    return;
  }
  const { size, mtimeNs, ctimeNs } = found;
  const fingerprint = `${identityOf(found)}:${size}:${mtimeNs}:${ctimeNs}`;
  walk.files.push({ path, absolute, fingerprint, size: Number(size) });
  if (walk.files.length > filesMax) {
    throw new FolderTooLarge(`it holds more than ${filesMax} manifest files`);
  }
}

async function visitDirectory(absolute: string, path: string, chain: readonly string[], walk: Collected) {
  if (chain.indexOf(chain.at(-1) ?? "") < chain.length - 1) {
    walk.unreadable.push({ path, why: "the link leads back to a directory that it is in" });
  } else if (chain.length > folderDepthMax) {
    walk.unreadable.push({ path, why: `it lies deeper than ${folderDepthMax} directories` });
  } else {
    await walkInto(absolute, path, chain, walk);
  }
}

function identityOf(found: BigIntStats): string {
  return `${found.dev}:${found.ino}`;
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

/** Why a file operation failed, in words, without the path, which the caller names. */
export function describe(thrown: unknown): string {
  switch (codeOf(thrown)) {
    case "EACCES":
    case "EPERM":
      return "permission is denied";
    case "ENOENT":
      return "it is gone";
    case "ELOOP":
      return "the link leads back to itself";
    case "EIO":
    case "ESTALE":
      return "the disk or the network file system answers with an error";
    default:
      return coerceError(thrown).message;
  }
}
