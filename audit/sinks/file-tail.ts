import type { FileHandle } from "node:fs/promises";
import { SinkFailure } from "./failure.ts";

/** What of a file of JSON lines is whole. */
export interface WholeLines {
  /** Bytes up to the end of the last whole line. */
  readonly size: number;
  /** Position of that line: in the store, or in the head log; undefined in a file without one. */
  readonly last: number | undefined;
}

const chunkBytes = 65_536;
const lineFeed = 0x0a;

/** Finds the last whole line. Throws a `SinkFailure` where it is not one of a sink. */
export async function wholeLines(handle: FileHandle): Promise<WholeLines> {
  const { size: bytes } = await handle.stat();
  const end = await lineEndBefore(handle, bytes);
  if (end === 0) {
    return { size: 0, last: undefined };
  }
  const start = await lineEndBefore(handle, end - 1);
  const line = Buffer.alloc(end - start);
  await handle.read(line, 0, line.byteLength, start);
  return { size: end, last: positionIn(line.toString("utf8")) };
}

/** Offset just behind the last line feed before `before`; 0 where there is none. */
async function lineEndBefore(handle: FileHandle, before: number): Promise<number> {
  const chunk = Buffer.alloc(chunkBytes);
  for (let end = before; end > 0;) {
    const start = Math.max(0, end - chunkBytes);
    const { bytesRead } = await handle.read(chunk, 0, end - start, start);
    const at = chunk.subarray(0, bytesRead).lastIndexOf(lineFeed);
    if (at >= 0) {
      return start + at + 1;
    }
    end = start;
  }
  return 0;
}

function positionIn(line: string): number {
  try {
    const { storeSeq, headLine } = JSON.parse(line) as { readonly storeSeq?: unknown; readonly headLine?: unknown };
    const position = storeSeq ?? headLine;
    if (Number.isSafeInteger(position)) {
      return Number(position);
    }
  } catch {
    // Said below.
  }
  throw new SinkFailure("refused", "a file of the sink ends in something that the sink has not written");
}
