import { createPublicKey, type KeyObject } from "node:crypto";
import { hashLine, isSigned, keyIDOf, parseHead, type ChainHead, type RemovedRecords } from "./head-line.ts";
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
  readonly sessions: Map<string, SignedSession>;
  ended: string | undefined;
  /** What was removed because of its age. */
  removed: RemovedRecords | undefined;
}

/** What a head says of a session. */
export interface SignedSession {
  readonly sessionSeq: number;
  readonly head: RecordHash;
  /** Last record of the task when it was signed. */
  readonly taskSeq: number;
}

/** Anchors by task (`taskKey`). */
export type Anchors = Map<string, TaskAnchors>;

/** One string for a task. */
export function taskKey(proxy: string, task: string): string {
  return `${proxy} ${task}`;
}

/** The public keys in a text of one or several PEM blocks. Throws where there is none. */
export function publicKeysIn(pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g);
  return (blocks ?? [pem]).map((block) => createPublicKey(block));
}

/** Reads the lines of a head log. Lines that were changed, and places where lines are missing, become findings. */
export async function readAnchors(
  lines: AsyncIterable<string> | Iterable<string>,
  publicKeys: readonly KeyObject[],
  findings: FindingSink,
): Promise<Anchors> {
  const keys = new Map(publicKeys.map((key) => [keyIDOf(key), key]));
  const anchors: Anchors = new Map();
  let line = 0;
  let prevLine: RecordHash | null = null;
  let installation: string | undefined;
  for await (const text of lines) {
    line += 1;
    const head = parseHead(text);
    if (head?.key !== undefined && !keys.has(head.key)) {
      const detail = `Line ${line} of the head log is signed with ${head.key}, which is none of the keys that were given.`;
      findings.add({ kind: "head-altered", detail });
    } else if (head === undefined || !isSignedByOne(text, head, keys)) {
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

function isSignedByOne(text: string, { key }: ChainHead, keys: ReadonlyMap<string, KeyObject>): boolean {
  return [...keys].some(([id, publicKey]) => (key ?? id) === id && isSigned(text, publicKey));
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
    removed: undefined,
  };
  anchors.set(key, task);
  task.seq = Math.max(task.seq, head.seq);
  task.chainSeq = Math.max(task.chainSeq, head.chainSeq);
  task.ended = head.ended ?? task.ended;
  if (head.chainHead !== null) {
    task.chain.set(head.chainSeq, head.chainHead);
  }
  for (const open of head.openSessions) {
    task.sessions.set(open.session, { sessionSeq: open.sessionSeq, head: open.head, taskSeq: head.seq });
  }
  if (head.removed !== undefined && head.removed.seq >= (task.removed?.seq ?? 0)) {
    remove(task, head.removed);
  }
}

/** What signed heads said of records that are gone, nobody can check any more: the signed word about their removal stands instead. */
export function remove(task: TaskAnchors, removed: RemovedRecords): void {
  task.removed = removed;
  task.seq = Math.max(task.seq, removed.seq);
  task.chainSeq = Math.max(task.chainSeq, removed.chainSeq);
  const known = new Map(removed.sessions.map((session) => [session.session, session]));
  for (const [name, { taskSeq, sessionSeq }] of task.sessions) {
    const left = known.get(name);
    if (left === undefined ? taskSeq <= removed.seq : sessionSeq <= left.sessionSeq) {
      task.sessions.delete(name);
    }
  }
}
