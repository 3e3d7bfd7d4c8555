import type pg from "pg";
import { tryDecodeRecord } from "../../codec.ts";
import { BatchJudge, headOf, numbersOf, openHeads, type TaskState } from "../judge.ts";
import type { IngestResult } from "../types.ts";
import { BatchWriter } from "./batch-writer.ts";
import { prepared } from "./prepared.ts";
import { batchRows, type SessionRow, storable } from "./rows.ts";
import { makeWeeks, weekOf, weeksAhead } from "./weeks.ts";

/** Tells readers in other processes that there is something new. */
export const storedChannel = "sallyport_audit_stored";

/** Another process has begun to write: this one may not any more. */
export class StoreFenced extends Error {
  constructor() {
    super("another process writes the audit store now");
    this.name = "StoreFenced";
  }
}

interface TaskRow extends TaskState {
  readonly id: number;
}

/** What is stored already of what a batch holds. */
interface Known {
  readonly positions: ReadonlyMap<number, Uint8Array>;
  readonly conflicts: readonly Uint8Array[];
}

/**
 * Takes batches in, one after the other, each in one transaction that holds the writer's row: whoever holds it is the only one who gives
 * out positions, and the next one gets it only after this one's are visible. What is in memory counts while the epoch is ours.
 */
export class Ingestor {
  readonly #epoch: number;
  readonly #tasks = new Map<string, TaskRow>();
  readonly #sessions = new Map<string, SessionRow>();
  /** Newest week that has room for records, and the one that records went to last. */
  #roomUntil = 0;
  #week = 0;

  /** `epoch`: what `claim` gave. */
  constructor(epoch: number) {
    this.#epoch = epoch;
  }

  /** Stores one batch inside a transaction of `client`. Throws `StoreFenced` where another process has begun to write. */
  async ingest(
    client: pg.Client,
    proxy: string,
    taskName: string,
    records: readonly Uint8Array[],
    received: number,
  ): Promise<IngestResult> {
    const before = await lockWriter(client, this.#epoch);
    const week = await this.#weekFor(client, received, before);
    const task = await this.#task(client, proxy, taskName);
    const decoded = records.map((bytes) => ({ bytes, record: tryDecodeRecord(bytes) }));
    const names = decoded.flatMap(({ record }) => record?.session ?? []);
    const sessions = await this.#load(client, task.id, new Set(names), week);
    const numbers = numbersOf(
      task,
      decoded.map(({ record }) => record),
    );
    const known = await knownOf(client, task, numbers);
    const judge = new BatchJudge<SessionRow>(task, {
      session: (name) => sessions.get(name) ?? unloaded(name),
      bytesAt: (seq) => known.positions.get(seq),
      isConflict: (bytes) => known.conflicts.some((kept) => Buffer.compare(kept, bytes) === 0),
    });
    for (const { bytes, record } of decoded) {
      judge.take(bytes, record);
    }
    const writer = new BatchWriter(client, { taskID: task.id, week, received, before });
    await writer.write(batchRows(task, judge.rows, before), judge.findings);
    await writer.saveSessions([...judge.changed]);
    const storeSeq = before + judge.rows.length;
    await prepared(
      client,
      `WITH task AS (UPDATE tasks SET seq = $1, chain_seq = $2, chain_head = $3 WHERE id = $4),
         moved AS (UPDATE writer SET store_seq = $5) SELECT pg_notify('${storedChannel}', '')`,
      [task.seq, task.chainSeq, task.chainHead, task.id, storeSeq],
    );
    const flagged = await writer.flaggedGrants([...judge.flagged]);
    for (const session of judge.changed) {
      if (session.closeTime !== undefined) {
        this.#sessions.delete(`${task.id} ${session.session}`);
      }
    }
    return {
      ackSeq: task.seq,
      stored: judge.rows.length,
      duplicates: judge.duplicates,
      storeSeq,
      findings: judge.findings,
      opened: judge.opened,
      flagged,
      head: headOf(task, openHeads(judge.changed)),
    };
  }

  /** What is in memory may be ahead of what is stored; it is read again. */
  forget(): void {
    this.#tasks.clear();
    this.#sessions.clear();
    this.#roomUntil = 0;
    this.#week = 0;
  }

  /** Weeks never go back, whatever the clock does: positions and weeks rise together. */
  async #weekFor(client: pg.Client, received: number, before: number): Promise<number> {
    if (this.#week === 0) {
      const { rows } = await client.query<{ week: number | null }>("SELECT max(week) AS week FROM weeks");
      this.#week = rows[0]?.week ?? 0;
    }
    const week = Math.max(weekOf(received), this.#week);
    if (week > this.#week) {
      await client.query("INSERT INTO weeks (week, first_seq) VALUES ($1, $2)", [week, before + 1]);
      this.#week = week;
    }
    if (this.#roomUntil < week + 1) {
      await makeWeeks(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows, week);
      this.#roomUntil = week + weeksAhead;
    }
    return week;
  }

  async #task(client: pg.Client, proxy: string, task: string): Promise<TaskRow> {
    const key = `${proxy} ${task}`;
    const cached = this.#tasks.get(key);
    if (cached !== undefined) {
      return cached;
    }
    await client.query("INSERT INTO tasks (proxy, task, seq, chain_seq) VALUES ($1, $2, 0, 0) ON CONFLICT DO NOTHING", [
      proxy,
      task,
    ]);
    const { rows } = await client.query<{ id: number; seq: number; chain_seq: number; chain_head: string | null }>(
      "SELECT id, seq, chain_seq, chain_head FROM tasks WHERE proxy = $1 AND task = $2",
      [proxy, task],
    );
    const [row] = rows;
    if (row === undefined) {
      throw new Error("the task that was stored is not there");
    }
    const { id, seq, chain_seq: chainSeq, chain_head: chainHead } = row;
    const loaded: TaskRow = { id, proxy, task, seq, chainSeq, chainHead };
    this.#tasks.set(key, loaded);
    return loaded;
  }

  /** The sessions of those names, made where they are new. */
  async #load(
    client: pg.Client,
    taskID: number,
    names: ReadonlySet<string>,
    week: number,
  ): Promise<ReadonlyMap<string, SessionRow>> {
    const missing = [...names].filter((name) => !this.#sessions.has(`${taskID} ${name}`));
    if (missing.length > 0) {
      const stored = missing.map(storable);
      await client.query(
        `INSERT INTO sessions (task_id, session, week, last_week, session_seq, head, statements)
         SELECT $1, name, $2, $2, 0, '', 0 FROM unnest($3::text[]) AS name ON CONFLICT DO NOTHING`,
        [taskID, week, stored],
      );
      const { rows } = await client.query<Record<string, unknown>>(
        `SELECT id, session, week, session_seq, head, statements, close_time, close_reason FROM sessions
         WHERE task_id = $1 AND session = ANY($2)`,
        [taskID, stored],
      );
      const found = new Map(rows.map((row) => [row["session"], sessionRow(row)]));
      for (const name of missing) {
        const row = found.get(storable(name));
        if (row !== undefined) {
          this.#sessions.set(`${taskID} ${name}`, { ...row, session: name });
        }
      }
    }
    return new Map(
      [...names].flatMap((name) => {
        const row = this.#sessions.get(`${taskID} ${name}`);
        return row === undefined ? [] : [[name, row]];
      }),
    );
  }
}

/** Holds the writer's row until the transaction's end; answers the position of the newest record. Throws `StoreFenced`. */
export async function lockWriter(client: pg.Client, epoch: number | undefined): Promise<number> {
  const [row] = await prepared(client, "SELECT epoch, store_seq FROM writer FOR UPDATE");
  if (row?.["epoch"] !== epoch) {
    throw new StoreFenced();
  }
  return Number(row?.["store_seq"]);
}

async function knownOf(client: pg.Client, task: TaskRow, numbers: readonly number[]): Promise<Known> {
  const wanted = numbers.filter((seq) => seq <= task.seq);
  if (wanted.length === 0) {
    return { positions: new Map(), conflicts: [] };
  }
  const { rows } = await client.query<{ position: number | null; bytes: Buffer }>(
    "SELECT position, bytes FROM records WHERE task_id = $1 AND (position = ANY($2) OR position IS NULL)",
    [task.id, wanted],
  );
  return {
    positions: new Map(rows.flatMap(({ position, bytes }) => (position === null ? [] : [[position, bytes]]))),
    conflicts: rows.filter(({ position }) => position === null).map(({ bytes }) => bytes),
  };
}

function sessionRow(row: Readonly<Record<string, unknown>>): SessionRow {
  const { close_time: closeTime, close_reason: closeReason } = row;
  return {
    id: Number(row["id"]),
    session: String(row["session"]),
    week: Number(row["week"]),
    sessionSeq: Number(row["session_seq"]),
    head: String(row["head"]),
    statements: Number(row["statements"]),
    ...(typeof closeTime === "string" ? { closeTime } : {}),
    ...(typeof closeReason === "string" ? { closeReason } : {}),
  };
}

function unloaded(name: string): never {
  throw new Error(`session ${name} was not loaded`);
}
