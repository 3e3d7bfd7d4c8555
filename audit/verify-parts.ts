import { hashRecord, tryDecodeRecord } from "./codec.ts";
import type { RecordHash } from "./record.ts";
import { judgeRecords, type KeptRecord } from "./verify.ts";
import { type Anchors, publicKeysIn, readAnchors, taskKey } from "./verify-heads.ts";
import { FindingSink, type Report } from "./verify-report.ts";

/** What one replica of the controller kept while it led: records, and the heads that it signed with its own key. */
export interface TrailPart {
  /** In the order in which they are kept. */
  readonly records: AsyncIterable<KeptRecord>;
  readonly heads: AsyncIterable<string> | Iterable<string>;
  /** In PEM. */
  readonly publicKey: string;
}

/**
 * Hashes of a task's last records that are remembered, to tell a repetition from another record: what one replica stored and could not
 * acknowledge is shipped to the next one again, 4 MiB at most (`proxy/link/shipper.ts`), and no record has fewer than 128 bytes.
 */
export const overlapMax = 32_768;

/**
 * Verifies one trail that several replicas kept in turn. A task's records go on at the next replica where the last one acknowledged
 * them, and each carries the hash of the one before it: nothing can be missing in between without being seen. All parts must be
 * there; a part that is not shows as records that were removed.
 */
export async function verifyParts(parts: readonly TrailPart[]): Promise<Report> {
  const sink = new FindingSink();
  const anchors: Anchors = new Map();
  for (const { heads, publicKey } of parts) {
    addAnchors(anchors, await readAnchors(heads, publicKeysIn(publicKey), sink));
  }
  return judgeRecords({ records: inOrder(parts.map(({ records }) => records)), anchors, sink });
}

function addAnchors(all: Anchors, more: Anchors): void {
  for (const [key, added] of more) {
    const known = all.get(key);
    if (known === undefined) {
      all.set(key, added);
      continue;
    }
    known.seq = Math.max(known.seq, added.seq);
    known.chainSeq = Math.max(known.chainSeq, added.chainSeq);
    known.ended ??= added.ended;
    known.removed = (added.removed?.seq ?? 0) > (known.removed?.seq ?? 0) ? added.removed : known.removed;
    for (const [chainSeq, head] of added.chain) {
      known.chain.set(chainSeq, head);
    }
    for (const [session, head] of added.sessions) {
      const before = known.sessions.get(session);
      known.sessions.set(session, before === undefined || head.sessionSeq > before.sessionSeq ? head : before);
    }
  }
}

/** The next record of one part, and of what it is. */
interface Next {
  readonly kept: KeptRecord;
  readonly key: string;
  /** Undefined: it cannot be read. */
  readonly seq: number | undefined;
  readonly hash: RecordHash;
}

/**
 * The records of all parts, each task's by their numbers, each once. Replicas lead one after the other, so there is always a part
 * whose next record is the next of its task; where there is none, something is missing.
 */
async function* inOrder(parts: readonly AsyncIterable<KeptRecord>[]): AsyncGenerator<KeptRecord, void, void> {
  const readers = parts.map((part) => part[Symbol.asyncIterator]());
  const waiting = await Promise.all(readers.map(readNext));
  const known = new Map<string, { seq: number; readonly hashes: Map<number, RecordHash> }>();
  const fits = ({ key, seq }: Next): boolean => seq === undefined || seq <= (known.get(key)?.seq ?? 0) + 1;
  for (;;) {
    const fitting = waiting.findIndex((next) => next !== undefined && fits(next));
    const index = fitting === -1 ? waiting.findIndex((next) => next !== undefined) : fitting;
    const [next, reader] = [waiting[index], readers[index]];
    if (next === undefined || reader === undefined) {
      return;
    }
    waiting[index] = await readNext(reader);
    const task = known.get(next.key) ?? { seq: 0, hashes: new Map<number, RecordHash>() };
    known.set(next.key, task);
    if (next.seq !== undefined && task.hashes.get(next.seq) === next.hash) {
      continue;
    }
    yield next.kept;
    task.seq = Math.max(task.seq, next.seq ?? task.seq + 1);
    task.hashes.set(next.seq ?? task.seq, next.hash);
    const [oldest] = task.hashes.keys();
    if (task.hashes.size > overlapMax && oldest !== undefined) {
      task.hashes.delete(oldest);
    }
  }
}

async function readNext(reader: AsyncIterator<KeptRecord>): Promise<Next | undefined> {
  const { value: kept, done } = await reader.next();
  if (done === true) {
    return undefined;
  }
  const record = tryDecodeRecord(kept.bytes);
  const key = taskKey(kept.proxy ?? record?.proxy ?? "", kept.task ?? record?.task ?? "");
  // Positions in a store mean nothing beside those of another.
  const { storeSeq: _, ...rest } = kept;
  return { kept: rest, key, seq: record?.seq, hash: hashRecord(kept.bytes) };
}
