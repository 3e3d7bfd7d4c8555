import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { CursorStore } from "#audit/sinks/cursor.ts";
import { FileCursors } from "#audit/sinks/file-cursors.ts";
import type { ControllerOptions } from "../options.ts";

/** How far the sinks are, beside the store that they read: positions mean nothing without it. */
export async function openCursors({ state }: ControllerOptions): Promise<CursorStore> {
  await mkdir(state, { recursive: true, mode: 0o700 });
  return FileCursors.open(path.join(state, "sinks.json"));
}
