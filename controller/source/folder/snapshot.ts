import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { constants } from "node:fs";
import { manifestBytesMax } from "#kinds/parse.ts";
import { inChunks } from "./chunks.ts";
import { oversizeManifest, readManifest, unreadManifest, type ManifestFile } from "./manifest.ts";
import { describe, walkFolder, type FoundFile, type Walk } from "./walk.ts";

/** How often a folder that changes while it is read is read again at once, before that is left to the next scan. */
export const scanTriesMax = 5;

/**
 * A file whose fingerprint was first seen less than this many milliseconds ago is read again: file systems keep times as
 * coarse as 2 s (FAT), so a second write within that may leave no trace in them.
 */
export const freshMs = 2_000;

/** All manifest files of the folder as they were at one moment, by path. */
export interface Snapshot {
  readonly files: ReadonlyMap<string, ManifestFile>;
  /** Directories that cannot be read; what is known from below them stays. */
  readonly unreadable: readonly string[];
  /** Real paths of all directories. */
  readonly directories: readonly string[];
}

/** The folder changed each time it was read. */
export class FolderUnsteady extends Error {}

/** What is remembered of a file between scans. */
interface Known {
  readonly file: ManifestFile;
  readonly contentHash: string;
  readonly firstSeenMs: number;
  readonly readMs: number;
}

/** Reads the folder again and again, parsing only what changed. */
export interface FolderReader {
  /**
   * A snapshot in which no file is newer than another: where anything changed between the start and the end of reading (a
   * `..data` link that was swapped, a checkout under way), it reads again.
   * @throws {FolderUnreadable | FolderTooLarge | FolderUnsteady}
   */
  read(): Promise<Snapshot>;
}

/** A reader of `folder`; `namespace` is that of objects which name none, `monotonicMs` the clock's. */
export function createFolderReader(folder: string, namespace: string, monotonicMs: () => number): FolderReader {
  let known = new Map<string, Known>();
  let last: { readonly walk: Walk; readonly snapshot: Snapshot } | undefined;

  /** Whether the last scan saw the same and every file had long been as it was: then nothing needs to be read. */
  const isUnchanged = (walk: Walk): boolean =>
    last !== undefined &&
    isSameWalk(walk, last.walk) &&
    walk.files.every(({ path, fingerprint }) => isSteady(known.get(path), fingerprint));

  const readFile = async (found: FoundFile): Promise<Known> => {
    const before = known.get(found.path);
    const nowMs = monotonicMs();
    const isSame = before?.file.fingerprint === found.fingerprint;
    if (before !== undefined && isSteady(before, found.fingerprint)) {
      return before;
    }
    const firstSeenMs = before !== undefined && isSame ? before.firstSeenMs : nowMs;
    const { bytes, refused } = await readBytes(found);
    const contentHash = createHash("sha256").update(bytes).digest("base64");
    if (before !== undefined && isSame && refused === undefined && contentHash === before.contentHash) {
      return { ...before, readMs: nowMs };
    }
    const file = refused ?? readManifest(found.path, found.fingerprint, bytes, namespace);
    return { file, contentHash, firstSeenMs, readMs: nowMs };
  };

  const readOnce = async (walk: Walk): Promise<Map<string, Known>> => {
    const read = await inChunks(walk.files, readFile);
    return new Map(read.map((next) => [next.file.path, next]));
  };

  return {
    async read() {
      let walk = await walkFolder(folder);
      if (last !== undefined && isUnchanged(walk)) {
        return last.snapshot;
      }
      for (let tries = 0; tries < scanTriesMax; tries += 1) {
        const next = await readOnce(walk);
        const after = await walkFolder(folder);
        if (isSameWalk(walk, after)) {
          known = next;
          last = { walk, snapshot: snapshotOf(walk, next) };
          return last.snapshot;
        }
        walk = after;
      }
      throw new FolderUnsteady("it keeps changing while it is read");
    },
  };
}

/** Whether a file was read so long after it last changed that its fingerprint vouches for its content. */
function isSteady(known: Known | undefined, fingerprint: string): boolean {
  return known?.file.fingerprint === fingerprint && known.readMs - known.firstSeenMs >= freshMs;
}

function snapshotOf(walk: Walk, known: ReadonlyMap<string, Known>): Snapshot {
  const files = new Map([...known].map(([path, { file }]) => [path, file]));
  for (const { path, why } of walk.unreadable) {
    files.set(path, unreadManifest(path, why));
  }
  return { files, unreadable: walk.unreadable.map(({ path }) => path), directories: walk.directories };
}

function isSameWalk(a: Walk, b: Walk): boolean {
  const traits = (walk: Walk): string =>
    JSON.stringify([walk.files.map((file) => [file.path, file.fingerprint]), walk.unreadable, walk.directories]);
  return traits(a) === traits(b);
}

/** The content of a file, at most one byte more than is allowed. */
async function readBytes(found: FoundFile): Promise<{ readonly bytes: Uint8Array; readonly refused?: ManifestFile }> {
  const none = new Uint8Array();
  if (found.size > manifestBytesMax) {
    return { bytes: none, refused: oversizeManifest(found.path, found.size) };
  }
  try {
    // Not blocking: the file may have been replaced by a named pipe since it was looked at.
    const handle = await open(found.absolute, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.alloc(found.size + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length);
        length += bytesRead;
        // Longer than it was looked at: the walk that follows will see that.
        if (bytesRead === 0 || length >= found.size) {
          break;
        }
      }
      return { bytes: buffer.subarray(0, length) };
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    return { bytes: none, refused: unreadManifest(found.path, describe(thrown)) };
  }
}
