import { watch, type FSWatcher } from "node:fs";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";

/**
 * Most directories that are watched. Each costs one inotify watch, of which Linux grants a user 8,192 by default on small
 * machines; a folder with more directories than this is still read, at every period.
 */
export const watchedDirectoriesMax = 1_024;

/** Notices that something may have changed. Only ever a hint: it may come too often, and may not come at all. */
export interface FolderWatch {
  /** Watches these directories, and no others from now on. */
  follow(directories: readonly string[]): void;
  close(): void;
}

/** Makes a watch that calls `onHint`. */
export type WatchFolders = (onHint: () => void, log: Log) => FolderWatch;

/** The directories that are watched of all there are: as many as the limit allows, those nearest to the folder's top first. */
export function watchable(directories: readonly string[]): ReadonlySet<string> {
  const byDepth = [...new Set(directories)].sort((a, b) => a.split("/").length - b.split("/").length);
  return new Set(byDepth.slice(0, watchedDirectoriesMax));
}

/** Watches by what the operating system offers. */
export const watchBySystem: WatchFolders = (onHint, log) => {
  const watchers = new Map<string, FSWatcher>();
  const drop = (directory: string): void => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };
  const add = (directory: string): void => {
    try {
      const watcher = watch(directory, { persistent: false }, onHint);
      watcher.on("error", () => drop(directory));
      watchers.set(directory, watcher);
    } catch (thrown) {
      log.debug("a directory cannot be watched, its changes are seen at the next scan", {
        directory,
        error: coerceError(thrown),
      });
    }
  };
  return {
    follow(directories) {
      const wanted = watchable(directories);
      for (const directory of watchers.keys()) {
        if (!wanted.has(directory)) {
          drop(directory);
        }
      }
      for (const directory of wanted) {
        if (!watchers.has(directory)) {
          add(directory);
        }
      }
    },
    close() {
      for (const directory of watchers.keys()) {
        drop(directory);
      }
    },
  };
};
