import type { KeyObject } from "node:crypto";
import { type ChainHead, isSigned, keyIDOf, parseHead, type RemovedRecords } from "../head-line.ts";
import type { RecordHash } from "../record.ts";
import { remove, type SignedSession, type TaskAnchors, taskKey } from "../verify-heads.ts";
import type { FindingSink } from "../verify-report.ts";
import type { Pile, PiledHead } from "./pile.ts";

/** Where in a head log something is said. */
export interface SignedPlace {
  readonly line: number;
  /** RFC 3339, as signed. */
  readonly time: string;
}

interface TaskPlace extends SignedPlace {
  readonly seq: number;
  readonly chainSeq: number;
}

/** Everything that the signed heads of an archive say of one task. */
export interface SignedTask {
  readonly proxy: string;
  readonly task: string;
  seq: number;
  ended: string | undefined;
  readonly chain: Map<number, RecordHash>;
  /** The newest of each session, with the first head that says so. */
  readonly sessions: Map<string, SignedSession>;
  /** One for each head. */
  readonly places: TaskPlace[];
  readonly removals: RemovedRecords[];
}

/** Where a task's records begin in an archive. */
export type Start =
  | { readonly kind: "beginning" }
  | {
      readonly kind: "late";
      /** Everything that is signed after it must be here. Undefined: no head reaches the records that are missing. */
      readonly place: TaskPlace | undefined;
      readonly anchors: TaskAnchors;
      /** What a signed head says of the missing records: they were removed from the store because of their age. */
      readonly removed: RemovedRecords | undefined;
    };

/** The last line of a head log that is whole from its first one. */
export interface LastHead extends SignedPlace {
  readonly sha256: string;
}

/** What the head logs of an archive say. */
export interface SignedHeads {
  /** By `taskKey`. */
  readonly tasks: Map<string, SignedTask>;
  /** Of each log, newest last. */
  readonly last: readonly LastHead[];
  readonly installation: string | undefined;
  /** Keys that were given and signed nothing that is here, as `keyIDOf` names them. */
  readonly idleKeys: readonly string[];
}

/**
 * Reads the head logs that an archive holds, each from its first line along the hashes. Several are there where replicas keep one each. Lines
 * that nobody signed, that have no predecessor, or two of which follow one line, become findings.
 */
export function readSignedHeads(pile: Pile, publicKeys: readonly KeyObject[], sink: FindingSink): SignedHeads {
  const reader = new LogReader(publicKeys, sink);
  const last: LastHead[] = [];
  for (const first of pile.firstHeads()) {
    const end = reader.read(first, pile);
    if (first.isFirst && end !== undefined) {
      last.push(end);
    }
  }
  return {
    tasks: reader.tasks,
    last: last.toSorted((one, other) => Date.parse(one.time) - Date.parse(other.time)),
    installation: reader.installation,
    idleKeys: reader.idleKeys(),
  };
}

class LogReader {
  readonly tasks = new Map<string, SignedTask>();
  installation: string | undefined;
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #used = new Set<string>();
  readonly #sink: FindingSink;

  constructor(publicKeys: readonly KeyObject[], sink: FindingSink) {
    this.#keys = new Map(publicKeys.map((key) => [keyIDOf(key), key]));
    this.#sink = sink;
  }

  idleKeys(): string[] {
    return [...this.#keys.keys()].filter((id) => !this.#used.has(id));
  }

  read(first: PiledHead & { readonly isFirst: boolean }, pile: Pile): LastHead | undefined {
    let before: number | undefined = first.isFirst ? 0 : undefined;
    let last: LastHead | undefined;
    for (let at: PiledHead | undefined = first; at !== undefined;) {
      const head = this.#check(at, before);
      if (head !== undefined) {
        this.#add(head);
        last = { line: head.line, time: head.time, sha256: at.hash };
      }
      before = head?.line;
      const followers: PiledHead[] = pile.headsAfter(at.hash);
      if (followers.length > 1) {
        this.#find("head-altered", `${followers.length} different lines follow line ${before ?? "?"} of the head log.`);
      }
      at = followers[0];
    }
    return last;
  }

  /** The head, where it can be read. `before`: number of the line before; undefined where that is not here. */
  #check({ text }: PiledHead, before: number | undefined): ChainHead | undefined {
    const head = parseHead(text);
    if (head === undefined) {
      this.#find("head-altered", "A line of the head log cannot be read.");
      return undefined;
    }
    const { line, key, installation } = head;
    if (key !== undefined && !this.#keys.has(key)) {
      const detail = `Line ${line} of the head log is signed with ${key}, which is none of the keys that were given.`;
      this.#find("head-altered", detail);
    } else if (!this.#isSigned(text, key)) {
      this.#find("head-altered", `Line ${line} of the head log is not what was signed.`);
    } else if (before === undefined) {
      this.#find("head-removed", `The line before line ${line} of the head log is missing.`);
    } else if (line !== before + 1) {
      this.#find("head-removed", `Line ${line} of the head log does not follow line ${before}.`);
    }
    this.installation ??= installation;
    if (installation !== this.installation) {
      this.#find("head-altered", `Line ${line} of the head log is of another installation.`);
    }
    return head;
  }

  #isSigned(text: string, key: string | undefined): boolean {
    const found = [...this.#keys].find(([id, publicKey]) => (key ?? id) === id && isSigned(text, publicKey));
    if (found !== undefined) {
      this.#used.add(found[0]);
    }
    return found !== undefined;
  }

  #add(head: ChainHead): void {
    const { proxy, task, seq, chainSeq, line, time } = head;
    const key = taskKey(proxy, task);
    const known = this.tasks.get(key) ?? newTask(proxy, task);
    this.tasks.set(key, known);
    known.seq = Math.max(known.seq, seq);
    known.ended = head.ended ?? known.ended;
    known.places.push({ seq, chainSeq, line, time });
    if (head.chainHead !== null) {
      known.chain.set(chainSeq, head.chainHead);
    }
    for (const { session, sessionSeq, head: hash } of head.openSessions) {
      const before = known.sessions.get(session);
      // Whoever begins to lead says again what is open: the first that says so is the one that follows the record.
      if (before === undefined || sessionSeq > before.sessionSeq) {
        known.sessions.set(session, { sessionSeq, head: hash, taskSeq: seq });
      }
    }
    if (head.removed !== undefined) {
      known.removals.push(head.removed);
    }
  }

  #find(kind: "head-altered" | "head-removed", detail: string): void {
    this.#sink.add({ kind, detail });
  }
}

function newTask(proxy: string, task: string): SignedTask {
  return {
    proxy,
    task,
    seq: 0,
    ended: undefined,
    chain: new Map(),
    sessions: new Map(),
    places: [],
    removals: [],
  };
}

/** What must be there of a task whose records begin with the first one. */
export function anchorsOf(signed: SignedTask): TaskAnchors {
  const { proxy, task, seq, chain, sessions, ended } = signed;
  // One head a second is a hundred thousand in a day: too many for the arguments of one call.
  const chainSeq = signed.places.reduce((most, place) => Math.max(most, place.chainSeq), 0);
  return { proxy, task, seq, chainSeq, chain, sessions: new Map(sessions), ended, removed: undefined };
}

/** Where a task's records begin, `first` being the number of the first one that is here, and what must then be here. */
export function startOf(signed: SignedTask, first: number | undefined): Start {
  if (first === 1) {
    return { kind: "beginning" };
  }
  const before = first === undefined ? signed.seq : first - 1;
  const removed = signed.removals.findLast(({ seq }) => (first === undefined ? seq >= before : seq === before));
  const anchors = anchorsOf(signed);
  const reaching = signed.places.filter(({ seq }) => seq >= before);
  const place = reaching.toSorted((one, other) => one.seq - other.seq || one.line - other.line)[0];
  if (removed !== undefined) {
    remove(anchors, removed);
    return { kind: "late", place, anchors, removed };
  }
  const chainSeq = anchors.chainSeq > (place?.chainSeq ?? Infinity) ? anchors.chainSeq : 0;
  return { kind: "late", place, anchors: { ...anchors, chainSeq }, removed };
}
