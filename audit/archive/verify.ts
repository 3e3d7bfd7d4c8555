import { hashRecord, tryDecodeRecord } from "../codec.ts";
import { hashLine, parseHead } from "../head-line.ts";
import type { AuditRecord } from "../record.ts";
import type { LineOwner } from "../sinks/record-line.ts";
import { publicKeysIn, taskKey } from "../verify-heads.ts";
import { FindingSink, type Removed, type Report, type Verdict } from "../verify-report.ts";
import { TaskCheck } from "../verify-task.ts";
import { candidatesIn } from "./candidates.ts";
import { isPart, PartJoiner } from "./part-joiner.ts";
import { Pile, type PiledTask } from "./pile.ts";
import { ownerSaid, readArchiveLine, wrongField } from "./read-line.ts";
import {
  anchorsOf,
  type LastHead,
  readSignedHeads,
  type SignedHeads,
  type SignedPlace,
  type SignedTask,
  startOf,
} from "./signed-tasks.ts";

/** What an archive that a sink wrote proves. */
export interface ArchiveReport extends Report {
  readonly installation: string | undefined;
  /** The last line of each head log, newest last: to be compared with lines that were written down elsewhere. */
  readonly lastHeads: readonly LastHead[];
  /** Records that came after what was signed last. */
  readonly notSigned: number;
  /** Everything that was signed after this place is there, and not all from before it. Absent: it begins with the first record. */
  readonly from?: SignedPlace;
  /** Nothing is wrong but that not all from before `from` is there, which nobody said may be missing. */
  readonly onlyBeginningMissing: boolean;
  /** Keys that were given and signed nothing that is here: what they signed may be missing as a whole. */
  readonly idleKeys: readonly string[];
  /** Deliveries of something that was there already. */
  readonly repeated: number;
  /** Lines that are no delivery, or a delivery that was cut off. */
  readonly otherLines: number;
}

export interface ArchiveOptions {
  /** One PEM block or several. Absent: nothing is proven, since nothing says who signed. */
  readonly publicKey?: string | undefined;
  /** Instant in epoch milliseconds up to which records need not be there: the sink was added then. Absent: all must be. */
  readonly sinceMs?: number | undefined;
}

/**
 * Verifies what sinks delivered, by itself and the public keys: no controller, no store. `lines` are those of all files, in whatever order;
 * what came twice counts once, and lines of other programs are passed over. Memory grows with heads and sessions, not with records.
 *
 * Complete means: every record up to the last signed head is there, as it was written. Heads come after the records that they vouch for, so the
 * newest records are usually not signed yet; they are counted. Who can remove from an archive can cut off its end: compare its last heads.
 */
export async function verifyArchive(
  lines: AsyncIterable<string> | Iterable<string>,
  { publicKey, sinceMs }: ArchiveOptions,
): Promise<ArchiveReport> {
  const sink = new FindingSink();
  const pile = new Pile();
  try {
    const otherLines = await pileUp(lines, pile, sink);
    // No heads at all vouch for nothing: an empty archive would be complete.
    const isSigned = publicKey !== undefined && pile.heads > 0;
    const heads: SignedHeads = isSigned
      ? readSignedHeads(pile, publicKeysIn(publicKey), sink)
      : { tasks: new Map(), last: [], installation: undefined, idleKeys: [] };
    const judge = new ArchiveJudge(pile, heads, sink, sinceMs ?? -Infinity);
    return { ...judge.report(isSigned), repeated: pile.repeated, otherLines };
  } finally {
    pile.close();
  }
}

/** Takes everything that was delivered. How many lines were something else. */
async function pileUp(lines: AsyncIterable<string> | Iterable<string>, pile: Pile, sink: FindingSink): Promise<number> {
  const parts = new PartJoiner();
  let others = 0;
  for await (const line of lines) {
    const candidates = candidatesIn(line);
    for (const candidate of candidates) {
      others += take(candidate, pile, parts, sink) ? 0 : 1;
    }
    // What lays a JSON value out over many lines, and empty ones.
    others += candidates.length === 0 && /^[^\s{}[\]"]/.test(line) ? 1 : 0;
  }
  return others + parts.waiting;
}

/** Whether it is a delivery, or a part of one. */
function take(candidate: string, pile: Pile, parts: PartJoiner, sink: FindingSink): boolean {
  const value = objectIn(candidate);
  if (value === undefined) {
    return false;
  }
  if (isPart(value)) {
    const whole = parts.add(value);
    return whole === undefined || take(whole, pile, parts, sink);
  }
  const read = readArchiveLine(candidate, value);
  switch (read.kind) {
    case "head": {
      const head = parseHead(read.text);
      // One that cannot be read has no place of its own, and is said to be altered when the logs are read.
      pile.installations.add(read.installation);
      pile.addHead(hashLine(read.text), head?.prevLine ?? null, head?.line ?? 0, read.text);
      return true;
    }
    case "record": {
      const { raw, record, owner } = read;
      pile.installations.add(read.installation);
      pile.addRecord(raw.proxy, raw.task, record?.seq, hashRecord(raw.bytes), { bytes: raw.bytes, owner });
      return true;
    }
    case "altered":
      sink.add({ kind: "altered", detail: read.detail });
      return true;
    case "other":
      return false;
  }
}

function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Judges what is in a pile, task by task. */
class ArchiveJudge {
  readonly #pile: Pile;
  readonly #heads: SignedHeads;
  readonly #sink: FindingSink;
  readonly #sinceMs: number;
  readonly #unanchored: Report["unanchored"][number][] = [];
  readonly #removed: Removed[] = [];
  #from: SignedPlace | undefined;
  /** There are records of a task that no head names at all. */
  #hasUnknown = false;
  /** Findings that say no more than that a beginning is missing. */
  #lateFindings = 0;
  #statements = 0;
  #sessions = 0;
  #openSessions = 0;

  constructor(pile: Pile, heads: SignedHeads, sink: FindingSink, sinceMs: number) {
    this.#pile = pile;
    this.#heads = heads;
    this.#sink = sink;
    this.#sinceMs = sinceMs;
  }

  report(isSigned: boolean): Omit<ArchiveReport, "repeated" | "otherLines"> {
    const piled = new Map(this.#pile.tasks().map((task) => [taskKey(task.proxy, task.task), task]));
    for (const task of piled.values()) {
      this.#judge(task, this.#heads.tasks.get(taskKey(task.proxy, task.task)));
    }
    const missing = [...this.#heads.tasks].filter(([key]) => !piled.has(key));
    for (const [, { proxy, task, ...signed }] of missing) {
      this.#judge({ id: 0, proxy, task, first: undefined }, { proxy, task, ...signed });
    }
    const { records } = this.#pile;
    const { installation, last, idleKeys } = this.#heads;
    for (const name of this.#pile.installations) {
      if (installation !== undefined && name !== installation) {
        const detail = `Lines say in front that they are of ${name}; the heads are of ${installation}.`;
        this.#sink.add({ kind: "altered", detail });
      }
    }
    return {
      verdict: this.#verdict(isSigned),
      findings: this.#sink.findings,
      findingsOmitted: this.#sink.omitted,
      unanchored: this.#unanchored,
      removed: this.#removed,
      counts: {
        records,
        tasks: piled.size + missing.length,
        sessions: this.#sessions,
        openSessions: this.#openSessions,
        statements: this.#statements,
      },
      installation,
      lastHeads: last,
      notSigned: this.#unanchored.reduce((count, { fromSeq, toSeq }) => count + toSeq - fromSeq + 1, 0),
      idleKeys,
      onlyBeginningMissing: this.#lateFindings > 0 && this.#sink.findings.length === this.#lateFindings,
      ...(this.#from === undefined ? {} : { from: this.#from }),
    };
  }

  #verdict(isSigned: boolean): Verdict {
    if (this.#sink.findings.length > 0) {
      return "broken";
    }
    const isWhole = !this.#hasUnknown && this.#heads.idleKeys.length === 0;
    return isSigned && isWhole ? "complete" : "consistent, unanchored";
  }

  #judge(task: PiledTask, signed: SignedTask | undefined): void {
    const check = this.#checkOf(task, signed);
    this.#hasUnknown ||= signed === undefined;
    if (check === undefined) {
      return;
    }
    const owners = new Map<string, LineOwner>();
    let last: { readonly seq: number | undefined; readonly hash: string } | undefined;
    for (const { seq, hash, bytes, owner } of this.#pile.recordsOf(task)) {
      const record = seq === undefined ? undefined : tryDecodeRecord(bytes);
      if (record === undefined) {
        check.takeUnreadable(false);
        continue;
      }
      this.#checkOwner(record, owner, owners);
      if (last?.seq !== seq || last?.hash !== hash) {
        this.#statements += record.kind === "statement.start" ? 1 : 0;
        check.take(record, hash, false);
      }
      last = { seq, hash };
    }
    const { sessions, openSessions } = check.finish();
    this.#sessions += sessions;
    this.#openSessions += openSessions;
    this.#unanchored.push(...check.unanchored());
  }

  /** Undefined: nothing of the task is here, and nothing has to be. */
  #checkOf({ proxy, task, first }: PiledTask, signed: SignedTask | undefined): TaskCheck | undefined {
    const sink = this.#sink;
    if (signed === undefined) {
      const late = first === undefined || first === 1 ? undefined : { first, signedSeq: 0 };
      this.#findLate({ proxy, task }, late?.first);
      return new TaskCheck(proxy, task, undefined, sink, late);
    }
    const start = startOf(signed, first);
    if (start.kind === "beginning") {
      return new TaskCheck(proxy, task, anchorsOf(signed), sink);
    }
    const { place, anchors, removed } = start;
    this.#noteLate(place);
    if (removed !== undefined) {
      const { seq, before, wrong } = removed;
      this.#removed.push({ proxy, task, toSeq: seq, before, ...(wrong === undefined ? {} : { wrong }) });
    }
    if (place === undefined || Date.parse(place.time) > this.#sinceMs) {
      this.#lateFindings += place === undefined ? 0 : 1;
      this.#findLate({ proxy, task }, first ?? signed.seq + 1);
    }
    if (first === undefined) {
      return undefined;
    }
    const late = removed === undefined ? { first, signedSeq: place?.seq ?? signed.seq } : undefined;
    return new TaskCheck(proxy, task, anchors, sink, late);
  }

  #findLate(of: { readonly proxy: string; readonly task: string }, first: number | undefined): void {
    if (first !== undefined) {
      this.#sink.add({ kind: "removed", ...of, seq: 1, detail: `Records 1 to ${first - 1} are missing.` });
    }
  }

  #noteLate(place: SignedPlace | undefined): void {
    if (place !== undefined && (this.#from === undefined || Date.parse(place.time) > Date.parse(this.#from.time))) {
      const { line, time } = place;
      this.#from = { line, time };
    }
  }

  /** People look for names in front of records, so those must be what the session's first record says. */
  #checkOwner(record: AuditRecord, owner: LineOwner, owners: Map<string, LineOwner>): void {
    const said = ownerSaid(record);
    if (record.kind === "session.open" && said !== undefined) {
      owners.set(record.session, said);
    }
    const known = said ?? (record.session === undefined ? {} : owners.get(record.session));
    const wrong = known === undefined ? undefined : wrongField(owner, known);
    if (wrong !== undefined) {
      const { proxy, task, seq, session } = record;
      const detail = `The line of record ${seq} says in front another ${wrong} than its session's first record does.`;
      this.#sink.add({ kind: "altered", proxy, task, seq, ...(session === undefined ? {} : { session }), detail });
    }
    if (record.kind === "session.close") {
      owners.delete(record.session);
    }
  }
}
