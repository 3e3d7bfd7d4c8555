import { hashRecord, tryDecodeRecord } from "./codec.ts";
import type { HeadLog } from "./heads.ts";
import type { ExpiredRecords, RawRange, RawRecord } from "./store/types.ts";
import { publicKeysIn, readAnchors, type TaskAnchors, taskKey } from "./verify-heads.ts";
import { type Finding, FindingSink } from "./verify-report.ts";
import { TaskCheck } from "./verify-task.ts";

/** What retention works on. */
export interface RetentionOptions {
  readonly store: {
    /** What was stored before an instant, epoch milliseconds, as far as it can be removed; undefined: nothing. */
    expired(time: number): Promise<ExpiredRecords | undefined>;
    raw(range: RawRange): AsyncIterable<RawRecord>;
    /** Removes all records up to a position. */
    remove(upTo: number): Promise<void>;
  };
  readonly heads: Pick<HeadLog, "noteRemoved" | "flush">;
  readonly headLines: () => AsyncIterable<string>;
  readonly publicKeyPEM: string;
}

/** What was removed. */
export interface RemovedReport extends ExpiredRecords {
  readonly tasks: number;
  /** What was wrong with the removed records: with them goes the evidence. */
  readonly findings: readonly Finding[];
}

/**
 * Removes records that the store took before `time`, epoch milliseconds, whole days or weeks of them. First a signed line for each task says
 * where its chains stood at the last record that goes: verification begins there. Rejects, and removes nothing, when that cannot be
 * signed. A run that ended half-way is repeated by the next one. Undefined when there is nothing to remove.
 */
export async function removeOld(
  { store, heads, headLines, publicKeyPEM }: RetentionOptions,
  time: number,
): Promise<RemovedReport | undefined> {
  const expired = await store.expired(time);
  if (expired === undefined) {
    return undefined;
  }
  await heads.flush();
  const sink = new FindingSink();
  const anchors = await readAnchors(headLines(), publicKeysIn(publicKeyPEM), sink);
  const checks = new Map<string, { readonly check: TaskCheck; readonly proxy: string; readonly task: string }>();
  for await (const { proxy, task, bytes } of store.raw({ upTo: expired.upTo })) {
    const key = taskKey(proxy, task);
    const known = checks.get(key) ?? { check: new TaskCheck(proxy, task, begun(anchors.get(key)), sink), proxy, task };
    checks.set(key, known);
    const record = tryDecodeRecord(bytes);
    if (record === undefined || record.proxy !== proxy || record.task !== task) {
      known.check.takeUnreadable(false);
    } else {
      known.check.take(record, hashRecord(bytes), false);
    }
  }
  for (const [key, { check, proxy, task }] of checks) {
    const state = check.state();
    const named = [...(anchors.get(key)?.sessions ?? [])].flatMap(([session, { taskSeq }]) =>
      taskSeq > state.seq ? [session] : [],
    );
    const sessions = [...state.sessions, ...check.closedAmong(named)];
    await heads.noteRemoved(proxy, task, { ...state, sessions, before: expired.before });
  }
  await store.remove(expired.upTo);
  return { ...expired, tasks: checks.size, findings: sink.findings };
}

/** Where an earlier removal left the chains; what heads say of the rest is not asked here. */
function begun(anchors: TaskAnchors | undefined): TaskAnchors | undefined {
  return anchors === undefined
    ? undefined
    : { ...anchors, chain: new Map(), sessions: new Map(), ended: undefined, seq: 0, chainSeq: 0 };
}
