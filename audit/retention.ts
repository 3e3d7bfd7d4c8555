import type { EpochMs } from "#lib/clock.ts";
import { type ClockDoubt, doubtOf, hourOf } from "./clock-trust.ts";
import { hashRecord, tryDecodeRecord } from "./codec.ts";
import { parseHead } from "./head-line.ts";
import type { HeadLog } from "./heads.ts";
import type { ExpiredRecords, RawRange, RawRecord } from "./store/types.ts";
import { publicKeysIn, readAnchors, taskKey } from "./verify-heads.ts";
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
  /** The clock now, and the hours (`hourOf`) at which this process has read it. */
  readonly clock: { readonly now: EpochMs; readonly looks: ReadonlySet<number> };
  /** Lowest position that somebody still needs; undefined: nobody needs any. */
  readonly positionNeeded?: (() => number | undefined) | undefined;
}

/**
 * How long after it was stored a record may be signed, in milliseconds, to count as stored then: a key elsewhere signs once a minute, and
 * may not answer for a while. What was signed later goes with the next day or week.
 */
export const signedWithinMs = 3_600_000;

/** Records would be removed by a clock that may have jumped ahead: none was. */
export class ClockDoubted extends Error {
  readonly doubt: ClockDoubt;

  constructor(doubt: ClockDoubt) {
    super(`the clock was seen at ${doubt.lastSeen} and then at ${doubt.seenAgain}`);
    this.name = "ClockDoubted";
    this.doubt = doubt;
  }
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
 * signed, or when the store says of records that they are old and no signed head from then knows them: who can write the store must not
 * be able to have records removed, or a removal signed that reaches records to come. The same where the head log is not what was signed,
 * and, as `ClockDoubted`, where the clock may have jumped ahead. A run that ended half-way is repeated by the next one. Undefined when
 * there is nothing to remove, or when what would be removed is still needed.
 */
export async function removeOld(
  { store, heads, headLines, publicKeyPEM, clock, positionNeeded }: RetentionOptions,
  time: number,
): Promise<RemovedReport | undefined> {
  const expired = await store.expired(time);
  if (expired === undefined || (positionNeeded?.() ?? Number.POSITIVE_INFINITY) <= expired.upTo) {
    return undefined;
  }
  await heads.flush();
  const sink = new FindingSink();
  const noted = { signed: new Map<string, number>(), hours: new Set(clock.looks) };
  const { signed } = noted;
  const lines = notingSigned(headLines(), Date.parse(expired.before) + signedWithinMs, noted);
  const anchors = await readAnchors(lines, publicKeysIn(publicKeyPEM), sink);
  const [altered] = sink.findings;
  if (altered !== undefined) {
    throw new Error(`nothing is removed by a head log that is not what was signed: ${altered.detail}`);
  }
  const doubt = doubtOf(clock.now, noted.hours);
  if (doubt !== undefined) {
    throw new ClockDoubted(doubt);
  }
  const checks = new Map<string, { readonly check: TaskCheck; readonly proxy: string; readonly task: string }>();
  for await (const { proxy, task, bytes } of store.raw({ upTo: expired.upTo })) {
    const key = taskKey(proxy, task);
    const known = checks.get(key) ?? { check: new TaskCheck(proxy, task, anchors.get(key), sink), proxy, task };
    checks.set(key, known);
    const record = tryDecodeRecord(bytes);
    if (record === undefined || record.proxy !== proxy || record.task !== task) {
      known.check.takeUnreadable(false);
    } else {
      known.check.take(record, hashRecord(bytes), false);
    }
  }
  for (const [key, { check, proxy, task }] of checks) {
    const { seq } = check.state();
    if (seq > (signed.get(key) ?? 0)) {
      const what = `record ${seq} of ${proxy} ${task}`;
      throw new Error(`the store says that ${what} is old, and no signed head from then knows it`);
    }
  }
  const wrong = sink.findings.filter(({ kind }) => kind !== "gap").length + sink.omitted;
  for (const [key, { check, proxy, task }] of checks) {
    const state = check.state();
    const named = [...(anchors.get(key)?.sessions ?? [])].flatMap(([session, { taskSeq }]) =>
      taskSeq > state.seq ? [session] : [],
    );
    const sessions = [...state.sessions, ...check.closedAmong(named)];
    const { before } = expired;
    await heads.noteRemoved(proxy, task, { ...state, sessions, before, ...(wrong === 0 ? {} : { wrong }) });
  }
  await store.remove(expired.upTo);
  return { ...expired, tasks: checks.size, findings: sink.findings };
}

/** What lines say: of each task how many records were signed by a time, and in which hours the clock was read to sign. */
interface Noted {
  readonly signed: Map<string, number>;
  readonly hours: Set<number>;
}

/** Passes lines on, and notes what they say; `time` is epoch milliseconds. */
async function* notingSigned(
  lines: AsyncIterable<string>,
  time: number,
  { signed, hours }: Noted,
): AsyncGenerator<string, void, void> {
  for await (const line of lines) {
    const head = parseHead(line);
    if (head !== undefined) {
      const signedTime = Date.parse(head.time);
      hours.add(hourOf(signedTime));
      if (signedTime <= time) {
        const key = taskKey(head.proxy, head.task);
        signed.set(key, Math.max(signed.get(key) ?? 0, head.seq));
      }
    }
    yield line;
  }
}
