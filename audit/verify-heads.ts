import type { KeyObject } from "node:crypto";
import { hashLine, isSigned, parseHead, type ChainHead } from "./head-line.ts";
import type { RecordHash } from "./record.ts";
import type { FindingSink } from "./verify-report.ts";

/** What signed heads say of one task. */
export interface TaskAnchors {
  readonly proxy: string;
  readonly task: string;
  /** Last record that is vouched for. */
  seq: number;
  chainSeq: number;
  /** Hash of the chain's record with that `chainSeq`. */
  readonly chain: Map<number, RecordHash>;
  /** The newest that is signed of each session; it vouches for the older ones too. */
  readonly sessions: Map<string, { readonly sessionSeq: number; readonly head: RecordHash }>;
  ended: string | undefined;
}

/** Anchors by task (`taskKey`). */
export type Anchors = Map<string, TaskAnchors>;

/** One string for a task. */
export function taskKey(proxy: string, task: string): string {
  return `${proxy} ${task}`;
}

/** Reads the lines of a head log. Lines that were changed, and places where lines are missing, become findings. */
export async function readAnchors(
  lines: AsyncIterable<string> | Iterable<string>,
  publicKey: KeyObject,
  findings: FindingSink,
): Promise<Anchors> {
  const anchors: Anchors = new Map();
  let line = 0;
  let prevLine: RecordHash | null = null;
  let installation: string | undefined;
  for await (const text of lines) {
    line += 1;
    const head = parseHead(text);
    if (head === undefined || !isSigned(text, publicKey)) {
      findings.add({ kind: "head-altered", detail: `Line ${line} of the head log is not what was signed.` });
    } else if (head.line !== line || head.prevLine !== prevLine) {
      findings.add({
        kind: "head-removed",
        detail: `Line ${line} of the head log does not follow the line before it.`,
      });
    }
    installation ??= head?.installation;
    if (head !== undefined && head.installation !== installation) {
      findings.add({ kind: "head-altered", detail: `Line ${line} of the head log is of another installation.` });
    }
    if (head !== undefined) {
      line = head.line;
      addHead(anchors, head);
    }
    prevLine = hashLine(text);
  }
  return anchors;
}

function addHead(anchors: Anchors, head: ChainHead): void {
  const key = taskKey(head.proxy, head.task);
  const task = anchors.get(key) ?? {
    proxy: head.proxy,
    task: head.task,
    seq: 0,
    chainSeq: 0,
    chain: new Map(),
    sessions: new Map(),
    ended: undefined,
  };
  anchors.set(key, task);
  task.seq = Math.max(task.seq, head.seq);
  task.chainSeq = Math.max(task.chainSeq, head.chainSeq);
  task.ended = head.ended ?? task.ended;
  if (head.chainHead !== null) {
    task.chain.set(head.chainSeq, head.chainHead);
  }
  for (const open of head.openSessions) {
    task.sessions.set(open.session, open);
  }
}
