import { hashLine, parseHead } from "../head-line.ts";
import type { RecordLine } from "./record-line.ts";

/** What a delivered line of the head log is called. */
export const headKind = "head";

const headMember = ',"head":';

/**
 * Renders a line of the head log: what it is about in front, and last the line itself, a string, since its signature and the line after it are
 * about its bytes. `position` is its place in the log, from 1. A line that is none (somebody changed the log) is delivered as it is.
 */
export function deliveredHead(text: string, position: number, installation: string): RecordLine {
  const id = hashLine(text);
  const head = parseHead(text);
  const timeMs = Date.parse(head?.time ?? "");
  const front = {
    id,
    installation,
    kind: headKind,
    ...(head === undefined ? {} : { time: head.time }),
    headLine: position,
    ...(head === undefined ? {} : { proxy: head.proxy, task: head.task, seq: head.seq }),
  };
  return {
    id,
    line: `${JSON.stringify(front).slice(0, -1)}${headMember}${JSON.stringify(text)}}`,
    kind: headKind,
    // Part of the name of an object: the same whenever it is delivered.
    timeMs: Number.isNaN(timeMs) ? 0 : timeMs,
    headLine: position,
    ...(head === undefined ? {} : { proxy: head.proxy }),
  };
}
