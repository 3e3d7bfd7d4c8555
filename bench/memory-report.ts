import type { IdleMemory, MemoryResult } from "./memory.ts";
import { formatNumber, table } from "./table.ts";

/** `idle.bytesPerSession` and the rest. */
export function memoryJSON({ idle, idleTLS, stalled }: MemoryResult): Record<string, unknown> {
  return {
    idle: { ...idle, ...(idleTLS === undefined ? {} : { tls: idleTLS }) },
    ...(stalled === undefined ? {} : { stalled }),
  };
}

/** What sessions cost. */
export function memoryTable({ idle, idleTLS, stalled }: MemoryResult): string {
  const kB = (bytes: number): string => `${(bytes / 1_000).toFixed(1)} kB`;
  const row = (title: string, memory: IdleMemory): string[] => [
    title,
    String(memory.sessions),
    kB(memory.bytesPerSession),
    kB(memory.beforeCollection),
  ];
  const lines = [
    table([
      ["idle sessions", "count", "resident memory each", "with the garbage of logging in"],
      row("plain to the server", idle),
      ...(idleTLS === undefined ? [] : [row("TLS to the server", idleTLS)]),
    ]),
  ];
  if (stalled !== undefined) {
    lines.push(
      `${stalled.sessions} sessions with a result of ${stalled.bytesEach / 1e6} MB each, whose clients do not read: memory grew by ` +
        `${(stalled.peakGrowthBytes / 2 ** 20).toFixed(1)} MiB at its peak, all together. Another session meanwhile ran ` +
        `${formatNumber(stalled.otherSession)} × the statements a second that it ran before and after.`,
    );
  }
  return lines.join("\n\n");
}
