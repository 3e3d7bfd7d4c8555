import { mkdir } from "node:fs/promises";
import type { CursorStore } from "#audit/sinks/cursor.ts";
import { FileCursors } from "#audit/sinks/file-cursors.ts";
import { trailPaths } from "#audit/trail-directory.ts";
import type { ControllerOptions } from "../options.ts";

/** Cursors, and what ends with them. */
export interface OpenCursors extends CursorStore {
  close(): Promise<void>;
}

/** How far the sinks are, kept with the store that they read: positions mean nothing without it. */
export async function openCursors({ state, audit }: Pick<ControllerOptions, "state" | "audit">): Promise<OpenCursors> {
  if (audit.store !== undefined) {
    // Loaded where it is needed.
    const { PostgresCursors } = await import("#audit/sinks/postgres-cursors.ts");
    return new PostgresCursors(audit.store);
  }
  await mkdir(state, { recursive: true, mode: 0o700 });
  const cursors = await FileCursors.open(trailPaths(state).cursors);
  return {
    read: (sink) => cursors.read(sink),
    write: (sink, cursor) => cursors.write(sink, cursor),
    close: () => Promise.resolve(),
  };
}
