import type { StatementEvent } from "#wire/control-api.ts";
import { charactersOf, endedRow, isRunning, markRow, type Row, statementKey, statementRow } from "./rows.ts";

/** How much of a trail a page holds. */
export interface LogLimits {
  /** A row costs about 600 bytes beside its texts: the default is below 100 MB, and an hour at 30 statements a second. */
  readonly rowsMax: number;
  /** Characters of all texts together: 2 bytes each, so the default is 96 MB at most. */
  readonly charactersMax: number;
}

export const defaultLimits: LogLimits = { rowsMax: 120_000, charactersMax: 48 * 1024 * 1024 };

/** The oldest are let go a twentieth at a time: one by one would move the whole array for each. */
const dropShare = 20;

/**
 * The rows of one view of the trail, in the order in which their first records were stored. Takes the events of a tail; an end updates
 * the row of its start in place. What it has seen already it leaves out, so a tail that resumes after `position` makes neither gap nor
 * duplicate. Bounded: the oldest rows are let go, and can be had again by a search before `earlierThan`.
 */
export class StatementLog {
  readonly #limits: LogLimits;
  #rows: Row[] = [];
  /** Number of the first row. */
  #firstID = 0;
  #characters = 0;
  #position: number | undefined;
  #earlierThan: number;
  #dropped = 0;
  /** Rows of statements by their key, by number. */
  readonly #ids = new Map<string, number>();
  /** Statements that ran when their rows were let go. */
  readonly #droppedRunning = new Map<string, string>();
  /** Statements that began before the first event, for ends that come without their start. */
  readonly #known = new Map<string, StatementEvent>();

  /** `after`: position that the tail begins after; undefined: at the newest record, wherever that is. `known`: statements that may have begun before it, from a search. */
  constructor(after: number | undefined, known: readonly StatementEvent[] = [], limits: LogLimits = defaultLimits) {
    this.#position = after;
    this.#earlierThan = (after ?? 0) + 1;
    this.#limits = limits;
    this.learn(known);
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  /** Where a tail resumes: everything up to here has been taken. Undefined: nobody has said yet. */
  get position(): number | undefined {
    return this.#position;
  }

  /** Statements before the first row are those with a position below this. */
  get earlierThan(): number {
    return this.#earlierThan;
  }

  /** Number of the first row; the n-th row has this plus n. */
  get firstID(): number {
    return this.#firstID;
  }

  /** Rows that were let go. */
  get dropped(): number {
    return this.#dropped;
  }

  get isFull(): boolean {
    return this.#rows.length >= this.#limits.rowsMax || this.#characters >= this.#limits.charactersMax;
  }

  get rowsMax(): number {
    return this.#limits.rowsMax;
  }

  /** The row of that number, if it is held. */
  rowOf(id: number): Row | undefined {
    return this.#rows[id - this.#firstID];
  }

  /** The row of a statement, if it is held. */
  statement(key: string): Row | undefined {
    const id = this.#ids.get(key);
    return id === undefined ? undefined : this.rowOf(id);
  }

  /** Takes the next events of the tail, in its order. */
  take(events: readonly StatementEvent[]): void {
    for (const event of events) {
      if (event.storeSeq > (this.#position ?? -1)) {
        this.#position = event.storeSeq;
        this.#fold(event);
      }
    }
    if (this.#rows.length > this.#limits.rowsMax || this.#characters > this.#limits.charactersMax) {
      this.#dropOldest();
    }
  }

  /** Takes what a search knows of statements of which the tail brings only the end. Rows that lack their text get it. */
  learn(page: readonly StatementEvent[]): void {
    for (const event of page) {
      this.#known.set(statementKey(event), event);
      this.#complete(event);
    }
  }

  /**
   * Puts earlier statements before the first row: a page of a search for positions below `earlierThan`, newest first. Those that are there
   * already do not come twice. Returns how many came.
   */
  prepend(page: readonly StatementEvent[]): number {
    const fresh = page.filter((event) => !this.#ids.has(statementKey(event))).toReversed();
    const firstID = this.#firstID - fresh.length;
    const rows = fresh.map((event, index) => statementRow(firstID + index, event));
    for (const row of rows) {
      this.#ids.set(row.key, row.id);
      this.#characters += charactersOf(row);
    }
    this.#firstID = firstID;
    this.#rows = [...rows, ...this.#rows];
    this.#earlierThan = page.at(-1)?.storeSeq ?? this.#earlierThan;
    return rows.length;
  }

  #fold(event: StatementEvent): void {
    switch (event.event) {
      case "heartbeat":
        return;
      case "statement-start":
      case "statement-end":
        return this.#foldStatement(event);
      default:
        return this.#push(markRow(this.#nextID(), event, event.event));
    }
  }

  #foldStatement(event: StatementEvent): void {
    const key = statementKey(event);
    if (this.#droppedRunning.delete(key)) {
      // A search before this position finds it whole.
      this.#earlierThan = Math.max(this.#earlierThan, event.storeSeq + 1);
      return;
    }
    const row = this.statement(key);
    if (row?.kind === "statement" && event.event === "statement-start") {
      // A search was quicker than the tail.
      return;
    }
    if (row?.kind === "statement") {
      this.#characters -= charactersOf(row);
      const ended = endedRow(row, event);
      this.#characters += charactersOf(ended);
      this.#rows[row.id - this.#firstID] = ended;
      return;
    }
    const known = event.event === "statement-end" ? this.#known.get(key) : undefined;
    const fresh = statementRow(this.#nextID(), known === undefined ? event : { ...known, storeSeq: event.storeSeq });
    this.#ids.set(key, fresh.id);
    this.#push(known === undefined ? fresh : endedRow(fresh, event));
  }

  #complete({ sql, parameters, ...event }: StatementEvent): void {
    const row = this.statement(statementKey(event));
    if (row?.kind === "statement" && row.sql === undefined && sql !== undefined) {
      this.#rows[row.id - this.#firstID] = { ...row, sql, ...(parameters === undefined ? {} : { parameters }) };
      this.#characters += sql.length;
    }
  }

  #nextID(): number {
    return this.#firstID + this.#rows.length;
  }

  #push(row: Row): void {
    this.#rows.push(row);
    this.#characters += charactersOf(row);
  }

  #dropOldest(): void {
    const share = Math.max(this.#rows.length - this.#limits.rowsMax, Math.ceil(this.#limits.rowsMax / dropShare));
    let count = 0;
    while (count < this.#rows.length - 1 && (count < share || this.#characters > this.#limits.charactersMax)) {
      const row = this.#rows[count] as Row;
      this.#characters -= charactersOf(row);
      if (row.kind === "statement") {
        this.#ids.delete(row.key);
        this.#earlierThan = Math.max(this.#earlierThan, row.lastSeq + 1);
        if (isRunning(row)) {
          this.#droppedRunning.set(row.key, row.session);
        }
      } else if (row.kind === "session-close") {
        this.#forget(row.session);
      }
      count += 1;
    }
    this.#rows = this.#rows.slice(count);
    this.#firstID += count;
    this.#dropped += count;
  }

  /** Nothing more comes of a session that is closed. */
  #forget(session: string): void {
    for (const [key, owner] of this.#droppedRunning) {
      if (owner === session) {
        this.#droppedRunning.delete(key);
      }
    }
  }
}
