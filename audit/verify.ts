import type { KeyObject } from "node:crypto";
import { defined } from "#lib/defined.ts";
import { hashRecord, tryDecodeRecord } from "./codec.ts";
import { parseHead } from "./head-line.ts";
import { publicKeysIn, readAnchors, taskKey, type Anchors } from "./verify-heads.ts";
import { FindingSink, type Removed, type Report, type Unanchored, type Verdict } from "./verify-report.ts";
import { TaskCheck, type TaskTotals } from "./verify-task.ts";

export type { Finding, FindingKind, Report, Unanchored, Verdict } from "./verify-report.ts";

/** A record as it is kept: its bytes, and who sent it where that is known. */
export interface KeptRecord {
  readonly bytes: Uint8Array;
  /** Authenticated sender; must agree with what the record says. */
  readonly proxy?: string;
  readonly task?: string;
  /** Position in the store. */
  readonly storeSeq?: number;
}

export interface VerifyInput {
  /** All records from the beginning, in the order in which they are kept. Tasks may be mixed. */
  readonly records: AsyncIterable<KeptRecord> | Iterable<KeptRecord>;
  /** Lines of the head log, all of them. With `ownHeads` they are read twice: a list, no stream. */
  readonly heads?: AsyncIterable<string> | Iterable<string>;
  /** Lines that were written down elsewhere too: each must be in the log. */
  readonly ownHeads?: readonly string[];
  /** Public key in PEM, or several one after the other. Without it heads prove nothing and are not looked at. */
  readonly publicKey?: string;
  /**
   * For a store that is written meanwhile: the newest position (`AuditStore.newest`) before the heads were signed and read.
   * Records after it are checked, and not called unanchored.
   */
  readonly until?: number;
}

/**
 * Checks a store against itself and against the signed heads. Needs nothing but what it is given: no store, no private
 * key. Memory grows with the number of sessions and heads, not with records.
 *
 * Who can write the store but has no signing key cannot change, remove, move or add a record that a head vouches for. Who
 * can also cut the end off the head log can cut the same end off the records: keep a copy of the log's last line elsewhere.
 */
export async function verify(input: VerifyInput): Promise<Report> {
  const sink = new FindingSink();
  const publicKeys = input.publicKey === undefined ? undefined : publicKeysIn(input.publicKey);
  const anchors = await anchorsOf(input, publicKeys, sink);
  await checkOwnHeads(input, sink);
  return judgeRecords({ records: input.records, anchors, sink, until: input.until });
}

/** What is judged: records by themselves and by what signed heads say of them. Findings go on in `sink`. */
export interface Judged extends Pick<VerifyInput, "records"> {
  /** Undefined: there are no signed heads. */
  readonly anchors: Anchors | undefined;
  readonly sink: FindingSink;
  readonly until?: number | undefined;
}

/** The second half of `verify`, once the heads were read. */
export async function judgeRecords(input: Judged): Promise<Report> {
  const { anchors, sink } = input;
  const checks = new Map<string, TaskCheck>();
  const checkOf = (proxy: string, task: string): TaskCheck => {
    const key = taskKey(proxy, task);
    const check = checks.get(key) ?? new TaskCheck(proxy, task, anchors?.get(key), sink);
    checks.set(key, check);
    return check;
  };
  let records = 0;
  let statements = 0;
  for await (const kept of input.records) {
    records += 1;
    const record = tryDecodeRecord(kept.bytes);
    const isLater = kept.storeSeq !== undefined && kept.storeSeq > (input.until ?? kept.storeSeq);
    const { proxy, task } = record ?? {};
    if (record === undefined || proxy !== (kept.proxy ?? proxy) || task !== (kept.task ?? task)) {
      checkOf(kept.proxy ?? "", kept.task ?? "").takeUnreadable(isLater);
      continue;
    }
    statements += record.kind === "statement.start" ? 1 : 0;
    checkOf(record.proxy, record.task).take(record, hashRecord(kept.bytes), isLater);
  }
  for (const { proxy, task } of anchors?.values() ?? []) {
    checkOf(proxy, task);
  }
  const totals = [...checks.values()].map((check) => check.finish());
  const unanchored = [...checks.values()].flatMap((check) => check.unanchored());
  return {
    verdict: verdictOf(sink, anchors, unanchored),
    findings: sink.findings,
    findingsOmitted: sink.omitted,
    unanchored,
    removed: removedOf(anchors),
    counts: { records, statements, tasks: checks.size, ...sum(totals) },
  };
}

function verdictOf(sink: FindingSink, anchors: Anchors | undefined, unanchored: readonly Unanchored[]): Verdict {
  if (sink.findings.length > 0) {
    return "broken";
  }
  return anchors === undefined || unanchored.length > 0 ? "consistent, unanchored" : "complete";
}

async function checkOwnHeads({ heads, ownHeads }: VerifyInput, sink: FindingSink): Promise<void> {
  if (heads === undefined || ownHeads === undefined) {
    return;
  }
  const missing = new Set(ownHeads);
  for await (const line of heads) {
    missing.delete(line);
  }
  for (const line of missing) {
    const head = parseHead(line);
    const detail = `Line ${head?.line ?? 0}, which was written down elsewhere too, is not in the head log.`;
    sink.add({ kind: "head-removed", ...(head === undefined ? {} : { proxy: head.proxy, task: head.task }), detail });
  }
}

function removedOf(anchors: Anchors | undefined): Removed[] {
  return [...(anchors?.values() ?? [])].flatMap(({ proxy, task, removed }) =>
    removed === undefined
      ? []
      : [{ proxy, task, toSeq: removed.seq, before: removed.before, ...defined({ wrong: removed.wrong }) }],
  );
}

async function anchorsOf(
  input: VerifyInput,
  publicKeys: readonly KeyObject[] | undefined,
  sink: FindingSink,
): Promise<Anchors | undefined> {
  return input.heads === undefined || publicKeys === undefined ? undefined : readAnchors(input.heads, publicKeys, sink);
}

function sum(totals: readonly TaskTotals[]): TaskTotals {
  return {
    sessions: totals.reduce((count, total) => count + total.sessions, 0),
    openSessions: totals.reduce((count, total) => count + total.openSessions, 0),
  };
}
