import { hashRecord, tryDecodeRecord } from "../codec.ts";
import { hashLine, parseHead } from "../head-line.ts";
import type { AuditRecord, RecordHash } from "../record.ts";
import type { RawRecord } from "../store/types.ts";
import { judgeRecords } from "../verify.ts";
import { publicKeysIn, readAnchors, taskKey } from "../verify-heads.ts";
import { FindingSink, type Report } from "../verify-report.ts";
import { type ExportEnd, type ExportHeader, type ExportScope, readExportLine } from "./format.ts";
import { PartCheck, type PartialAnchors } from "./partial.ts";

/** What an export proves. */
export interface ExportReport extends Report {
  readonly scope: ExportScope;
  readonly installation: string;
  /** The newest line of the head log in the file, to be compared with one that was written down elsewhere. Absent: there is none. */
  readonly lastHead?: { readonly line: number; readonly time: string; readonly sha256: string };
  /** Of a part: how many records signed heads reach. */
  readonly proven?: number;
  /** Sentences for a person. */
  readonly proves: readonly string[];
  readonly doesNotProve: readonly string[];
}

function lastHeadOf(heads: readonly string[]): Pick<ExportReport, "lastHead"> {
  const text = heads.at(-1);
  const head = text === undefined ? undefined : parseHead(text);
  return text === undefined || head === undefined
    ? {}
    : { lastHead: { line: head.line, time: head.time, sha256: hashLine(text) } };
}

/** A file that is no export. */
export class ExportUnreadable extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ExportUnreadable";
  }
}

/**
 * Verifies an export by nothing but itself and the public keys, PEM: no controller, no store. An export of everything is judged as the trail
 * itself is; of a part, what can be proven of it. Throws `ExportUnreadable` when it does not begin as an export does.
 */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  publicKey: string | undefined,
): Promise<ExportReport> {
  const sink = new FindingSink();
  const reader = new ExportReader(lines, sink);
  const header = await reader.header();
  const heads: string[] = [];
  for await (const line of reader.heads()) {
    heads.push(line);
  }
  const keys = publicKey === undefined ? undefined : publicKeysIn(publicKey);
  // No heads at all vouch for nothing: an empty file would be complete.
  const anchors = keys === undefined || heads.length === 0 ? undefined : await readAnchors(heads, keys, sink);
  const { scope, installation } = header;
  const [first] = heads.slice(0, 1).map(parseHead);
  const lastHead = lastHeadOf(heads);
  if (first !== undefined && first.installation !== installation) {
    sink.add({
      kind: "head-altered",
      detail: `The heads are of ${first.installation}, the file is said to be of another.`,
    });
  }
  if (scope.kind === "all") {
    const report = await judgeRecords({ records: reader.records(), anchors, sink });
    return {
      ...withEnd(report, reader, sink),
      scope,
      installation,
      ...lastHead,
      ...words(report, anchors !== undefined),
    };
  }
  const parts = await judgeParts(reader.records(), anchors === undefined ? [] : heads, scope, sink);
  reader.finish();
  const report = partReport(parts, sink);
  return { ...report, scope, installation, ...lastHead, proven: parts.proven, ...partWords(parts, scope) };
}

/** Reads an export's lines in their order: the first one, heads, records, the last one. What stands elsewhere is a finding. */
class ExportReader {
  readonly #lines: AsyncIterator<string> | Iterator<string>;
  readonly #sink: FindingSink;
  #next: string | undefined;
  #number = 0;
  #heads = 0;
  #records = 0;
  #end: ExportEnd | undefined;

  constructor(lines: AsyncIterable<string> | Iterable<string>, sink: FindingSink) {
    this.#lines = Symbol.asyncIterator in lines ? lines[Symbol.asyncIterator]() : lines[Symbol.iterator]();
    this.#sink = sink;
  }

  async header(): Promise<ExportHeader> {
    await this.#advance();
    const read = readExportLine(this.#next ?? "");
    if (read?.kind !== "header") {
      throw new ExportUnreadable("the first line does not say that it is an export of an audit trail");
    }
    await this.#advance();
    return read.header;
  }

  async *heads(): AsyncGenerator<string, void, void> {
    for (;;) {
      const read = readExportLine(this.#next ?? "");
      if (read?.kind !== "head") {
        return;
      }
      this.#heads += 1;
      yield read.line;
      await this.#advance();
    }
  }

  async *records(): AsyncGenerator<RawRecord, void, void> {
    for (; this.#next !== undefined; await this.#advance()) {
      const read = readExportLine(this.#next);
      if (read?.kind === "record" && this.#end === undefined) {
        this.#records += 1;
        yield read.raw;
      } else if (read?.kind === "end" && this.#end === undefined) {
        this.#end = read.end;
      } else {
        this.#sink.add({ kind: "altered", detail: `Line ${this.#number} of the file is not one that stands there.` });
      }
    }
  }

  /** Compares what was there with what the last line says. */
  finish(): void {
    if (this.#end === undefined) {
      this.#sink.add({ kind: "truncated", detail: "The file's last line is missing: it was cut off." });
    } else if (this.#end.records !== this.#records || this.#end.heads !== this.#heads) {
      const { heads, records } = this.#end;
      const detail = `The file was written with ${heads} heads and ${records} records; it holds ${this.#heads} and ${this.#records}.`;
      this.#sink.add({ kind: "removed", detail });
    }
  }

  async #advance(): Promise<void> {
    const { value, done } = await this.#lines.next();
    this.#next = done === true ? undefined : value;
    this.#number += 1;
  }
}

function withEnd(report: Report, reader: ExportReader, sink: FindingSink): Report {
  reader.finish();
  return sink.findings.length === report.findings.length && sink.findings.length === 0
    ? report
    : { ...report, verdict: "broken", findings: sink.findings, findingsOmitted: sink.omitted };
}

interface Parts {
  readonly tasks: number;
  readonly records: number;
  readonly proven: number;
  readonly sessions: number;
  readonly wholeSessions: number;
  readonly statements: number;
}

async function judgeParts(
  records: AsyncIterable<RawRecord>,
  heads: readonly string[],
  scope: ExportScope,
  sink: FindingSink,
): Promise<Parts> {
  const anchors = partialAnchors(heads);
  const checks = new Map<string, PartCheck>();
  let statements = 0;
  for await (const { proxy, task, bytes } of records) {
    const key = taskKey(proxy, task);
    const none: PartialAnchors = { sessions: new Map(), chain: new Map() };
    const check =
      checks.get(key) ?? new PartCheck({ proxy, task }, anchors.get(key) ?? none, sink, scope.kind === "range");
    checks.set(key, check);
    const record = tryDecodeRecord(bytes);
    if (record === undefined || record.proxy !== proxy || record.task !== task) {
      check.takeUnreadable();
    } else {
      statements += record.kind === "statement.start" ? 1 : 0;
      check.take(record, hashRecord(bytes));
      checkGrant(record, scope, sink);
    }
  }
  const totals = [...checks.values()].map((check) => check.finish());
  const sum = (field: keyof (typeof totals)[number]): number => totals.reduce((count, one) => count + one[field], 0);
  return {
    tasks: checks.size,
    records: sum("records"),
    proven: sum("proven"),
    sessions: sum("sessions"),
    wholeSessions: sum("wholeSessions"),
    statements,
  };
}

/** What is shown as one Grant's must not be another's: the first line, which says whose it is, is not signed. */
function checkGrant(record: AuditRecord, scope: ExportScope, sink: FindingSink): void {
  if (scope.kind !== "grant" || (record.kind !== "session.open" && record.kind !== "event")) {
    return;
  }
  const { grantID } = record.kind === "event" ? record.about : record;
  if (grantID !== scope.grantID) {
    const detail = `The record is of ${grantID ?? "no Grant"}; the file is said to be of ${scope.grantID}.`;
    sink.add({ kind: "altered", proxy: record.proxy, task: record.task, seq: record.seq, detail });
  }
}

function partialAnchors(heads: readonly string[]): Map<string, PartialAnchors> {
  const all = new Map<string, { sessions: Map<string, Map<number, RecordHash>>; chain: Map<number, RecordHash> }>();
  for (const line of heads) {
    const head = parseHead(line);
    if (head === undefined) {
      continue;
    }
    const key = taskKey(head.proxy, head.task);
    const task = all.get(key) ?? { sessions: new Map(), chain: new Map() };
    all.set(key, task);
    if (head.chainHead !== null) {
      task.chain.set(head.chainSeq, head.chainHead);
    }
    for (const open of head.openSessions) {
      const session = task.sessions.get(open.session) ?? new Map<number, RecordHash>();
      task.sessions.set(open.session, session.set(open.sessionSeq, open.head));
    }
  }
  return all;
}

/** A part never proves a whole: it is broken, or fits together. */
function partReport(parts: Parts, sink: FindingSink): Report {
  const { records, statements, tasks, sessions } = parts;
  return {
    verdict: sink.findings.length > 0 ? "broken" : "consistent, unanchored",
    findings: sink.findings,
    findingsOmitted: sink.omitted,
    unanchored: [],
    removed: [],
    counts: { records, statements, tasks, sessions, openSessions: sessions - parts.wholeSessions },
  };
}

function words(report: Report, isAnchored: boolean): Pick<ExportReport, "proves" | "doesNotProve"> {
  const { verdict } = report;
  const proves =
    verdict === "complete"
      ? ["Every record from the beginning to the last signed head is there, as it was written and in its order."]
      : [];
  const doesNotProve = [
    ...(isAnchored
      ? []
      : ["Without the public key and signed heads nothing proves that this is not another trail that fits together."]),
    "That nothing came after the last signed head: compare its line with a newer export, or with a copy kept elsewhere.",
    "`storeSeq`, `receivedTime` and `flag` of each line, and the order between tasks: the store says them, no hash covers them.",
  ];
  return { proves, doesNotProve };
}

function partWords(parts: Parts, scope: ExportScope): Pick<ExportReport, "proves" | "doesNotProve"> {
  const { records, proven, sessions, wholeSessions } = parts;
  const proves = [
    `${proven} of ${records} records are as they were signed, and nothing is missing between them in their sessions.`,
    `${wholeSessions} of ${sessions} sessions are whole, from their opening to their close.`,
  ];
  const left =
    scope.kind === "grant"
      ? "That the Grant had no other sessions or events: the opens and closes of others, which are not here, would prove it."
      : "That these are all records of the time that was asked for: what stands before the first and after the last is not here.";
  const unproven = records - proven;
  const rest =
    unproven === 0 ? [] : [`That ${unproven} records were not altered: no signed head of this file reaches them.`];
  return { proves, doesNotProve: [left, ...rest] };
}
