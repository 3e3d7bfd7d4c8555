import { randomUUID } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { defaultNamespace } from "#kinds/index.ts";
import { watchBySystem, type WatchFolders } from "./watch.ts";

/**
 * Mean time, in milliseconds, between two scans that nothing hinted at: how late a change is seen where the operating system
 * does not tell of it (network file systems). A scan of an unchanged folder reads no file.
 */
export const scanPeriodMs = 10_000;

/** What the folder source needs. */
export interface FolderSourceOptions {
  /** Directory of YAML and JSON files; may be a link. Read only. */
  readonly folder: string;
  /** State directory, on a local disk; made where it is missing. */
  readonly state: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Namespace of objects that name none; `default` where left out. */
  readonly namespace?: string;
  readonly scanPeriodMs?: number;
  /** A fresh random UUID. */
  readonly newUID?: () => string;
  readonly watch?: WatchFolders;
}

/** The options with all that was left out. */
export function completed(options: FolderSourceOptions): Required<FolderSourceOptions> {
  return { namespace: defaultNamespace, scanPeriodMs, newUID: () => randomUUID(), watch: watchBySystem, ...options };
}
