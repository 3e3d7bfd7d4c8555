import { generateKeyPairSync } from "node:crypto";
import { manualClock } from "#lib/clock.ts";
import { decodeRecord } from "../codec.ts";
import type { HeadSigner, RemovedRecords } from "../head-line.ts";
import type { HeadPlace } from "../head-place.ts";
import { HeadLog } from "../heads.ts";
import { localSigner } from "../signing-key.ts";
import { deliveredHead } from "../sinks/delivered-head.ts";
import { type LineOwner, recordLine } from "../sinks/record-line.ts";
import { BatchJudge, headOf, openHeads, type SessionState, type TaskState } from "../store/judge.ts";
import type { RawRecord, TaskHead } from "../store/types.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { type TestChain, testChain } from "../testing/chains.ts";

/** One thing that happens to a task: a session begins or goes on, and may end. */
export interface Step {
  readonly task: string;
  readonly statements: number;
  readonly close: boolean;
}

/** A delivered line, and what it is about. */
export interface Delivered {
  readonly line: string;
  /** Of a record: its number in its task's chain, and the task. */
  readonly record?: { readonly task: string; readonly seq: number };
  /** Of a signed line: its place. */
  readonly head?: number;
}

interface Task extends TaskState {
  readonly chain: TestChain;
  readonly sessions: Map<string, SessionState>;
  open: { readonly name: string; statements: number; readonly owner: LineOwner } | undefined;
  count: number;
}

/** A key as installations have one. */
export function testSigner(): HeadSigner {
  return localSigner(generateKeyPairSync("ed25519").privateKey);
}

/** A trail that grows, as a sink delivers it: records at once, signed lines when something is signed. */
export class TestHistory {
  readonly delivered: Delivered[] = [];
  readonly heads: string[] = [];
  readonly #clock = manualClock();
  readonly #tasks = new Map<string, Task>();
  readonly #log: Promise<HeadLog>;
  #noted: TaskHead[] = [];
  #storeSeq = 0;

  constructor(signer: HeadSigner) {
    const { heads } = this;
    const place: HeadPlace = {
      async *lines() {
        yield* heads;
      },
      async append(_number, line) {
        heads.push(line);
      },
      async close() {},
    };
    const onFailed = (error: Error): never => {
      throw error;
    };
    this.#log = HeadLog.open({ place, signer, installation: "acme", clock: this.#clock, onFailed });
  }

  lines(): string[] {
    return this.delivered.map(({ line }) => line);
  }

  /** Records of a task from the beginning, as a proxy that moves to another replica takes them along. */
  takeOver(name: string, from: TestHistory): void {
    const task = from.#tasks.get(name);
    if (task !== undefined) {
      this.#tasks.set(name, task);
    }
  }

  take({ task: name, statements, close }: Step): void {
    const task = this.#tasks.get(name) ?? newTask(name);
    this.#tasks.set(name, task);
    const bodies = [];
    if (task.open === undefined) {
      task.count += 1;
      const session = `${name}-s${task.count}`;
      const userName = `user-${task.count}`;
      const body = openBody(session, { person: { userName, userID: "u" } });
      const { grantID, database, databaseName, engine, roleName } = body;
      task.open = {
        name: session,
        statements: 0,
        owner: { grantID, userName, database, databaseName, engine, roleName },
      };
      bodies.push(body);
    }
    const { open } = task;
    for (let count = 0; count < statements; count += 1) {
      open.statements += 1;
      bodies.push(startBody(open.name, open.statements), endBody(open.name, open.statements));
    }
    if (close) {
      bodies.push({ kind: "session.close", session: open.name, reason: "client-closed", backend: "gone" } as const);
      task.open = undefined;
    }
    this.#store(task, task.chain.write(...bodies), open.owner);
  }

  /** Signs what was stored since the last time. */
  async sign(): Promise<void> {
    const log = await this.#log;
    this.#clock.advance(60_000);
    for (const head of this.#noted) {
      log.note(head);
    }
    this.#noted = [];
    await log.flush();
    this.#deliverHeads();
  }

  /** Says that the records up to where a task stands now were removed because of their age. */
  async remove(name: string): Promise<void> {
    const { chain, sessions, seq, chainSeq, chainHead } = this.#tasks.get(name) ?? newTask(name);
    const open = [...sessions.values()].filter(({ closeTime }) => closeTime === undefined);
    const removed: RemovedRecords = {
      seq,
      chainSeq,
      chainHead,
      sessions: open.map(({ session, sessionSeq, head, statements }) => ({ session, sessionSeq, head, statements })),
      before: new Date(chain.clock.now()).toISOString(),
    };
    await (await this.#log).noteRemoved("default/main", name, removed);
    this.#deliverHeads();
  }

  #deliverHeads(): void {
    const known = this.delivered.filter(({ head }) => head !== undefined).length;
    for (const [index, text] of this.heads.slice(known).entries()) {
      const head = known + index + 1;
      this.delivered.push({ line: deliveredHead(text, head, "acme").line, head });
    }
  }

  #store(task: Task, records: readonly Buffer[], owner: LineOwner): void {
    const session = (name: string): SessionState => {
      const known = task.sessions.get(name) ?? { session: name, sessionSeq: 0, head: "", statements: 0 };
      task.sessions.set(name, known);
      return known;
    };
    const judge = new BatchJudge(task, { session, bytesAt: () => undefined, isConflict: () => false });
    for (const bytes of records) {
      const record = decodeRecord(bytes);
      judge.take(bytes, record);
      this.#storeSeq += 1;
      const receivedTime = new Date(task.chain.clock.now()).toISOString();
      const raw: RawRecord = { storeSeq: this.#storeSeq, receivedTime, proxy: task.proxy, task: task.task, bytes };
      const { line } = recordLine(raw, "acme", owner, record);
      this.delivered.push({ line, record: { task: task.task, seq: record.seq } });
    }
    this.#noted.push(headOf(task, openHeads(judge.changed)));
  }
}

function newTask(task: string): Task {
  const proxy = "default/main";
  const state = { seq: 0, chainSeq: 0, chainHead: null, sessions: new Map<string, SessionState>() };
  return { proxy, task, ...state, chain: testChain(proxy, task), open: undefined, count: 0 };
}
