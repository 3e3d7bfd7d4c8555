import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { LineOwner } from "../sinks/record-line.ts";

/** One record of a task, as the pile gives it back. */
export interface PiledRecord {
  /** Undefined: it cannot be read. */
  readonly seq: number | undefined;
  readonly bytes: Uint8Array;
  readonly owner: LineOwner;
}

/** A task that there are records of. */
export interface PiledTask {
  readonly id: number;
  readonly proxy: string;
  readonly task: string;
  /** Number of its first record that can be read. */
  readonly first: number | undefined;
}

/** A line of a head log. */
export interface PiledHead {
  readonly hash: string;
  readonly text: string;
}

/** Stands for the number of a record that has none: behind all others. */
const noSeq = Number.MAX_SAFE_INTEGER;

/**
 * Sorts what an archive holds, each once, by what is signed and not by how it lies there: deliveries are repeated, and readers of logs sort by
 * time. On disk where it does not fit into SQLite's cache (sqlite.org/inmemorydb.html#temp_db), in a file without a name.
 */
export class Pile {
  readonly #database = new DatabaseSync("");
  readonly #tasks = new Map<string, number>();
  /** What stands in front about whose records they are: a few for each person and database. */
  readonly #owners = new Map<string, number>();
  readonly #ownerOf: LineOwner[] = [];
  readonly #insertRecord: StatementSync;
  readonly #insertHead: StatementSync;
  readonly #followers: StatementSync;
  /** Records that were there already. */
  repeated = 0;
  /** What lines say in front that they are of. */
  readonly installations = new Set<string>();
  records = 0;
  heads = 0;

  constructor() {
    this.#database.exec(`
      PRAGMA journal_mode = OFF;
      PRAGMA synchronous = OFF;
      CREATE TABLE records (task INTEGER, seq INTEGER, hash TEXT, owner INTEGER, bytes BLOB);
      CREATE UNIQUE INDEX places ON records (task, seq, hash, owner);
      CREATE TABLE heads (hash TEXT PRIMARY KEY, prev TEXT, line INTEGER, text TEXT);
      CREATE INDEX followers ON heads (prev);
    `);
    this.#insertRecord = this.#database.prepare("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?)");
    this.#insertHead = this.#database.prepare("INSERT OR IGNORE INTO heads VALUES (?, ?, ?, ?)");
    this.#followers = this.#database.prepare("SELECT hash, text FROM heads WHERE prev = ? ORDER BY hash");
  }

  addRecord(proxy: string, task: string, seq: number | undefined, hash: string, rest: Omit<PiledRecord, "seq">): void {
    const { changes } = this.#insertRecord.run(
      this.#taskID(proxy, task),
      seq ?? noSeq,
      hash,
      this.#ownerID(rest.owner),
      rest.bytes,
    );
    this.records += Number(changes);
    this.repeated += 1 - Number(changes);
  }

  addHead(hash: string, prev: string | null, line: number, text: string): void {
    const { changes } = this.#insertHead.run(hash, prev, line, text);
    this.heads += Number(changes);
    this.repeated += 1 - Number(changes);
  }

  tasks(): PiledTask[] {
    const first = this.#database.prepare("SELECT min(seq) AS first FROM records WHERE task = ? AND seq < ?");
    return [...this.#tasks].map(([key, id]) => {
      const [proxy = "", task = ""] = JSON.parse(key) as string[];
      const found = first.get(id, noSeq)?.["first"];
      return { id, proxy, task, first: typeof found === "number" ? found : undefined };
    });
  }

  /** Of one task, by their numbers. What is there several times with one number stands side by side. */
  *recordsOf({ id }: PiledTask): Generator<PiledRecord & { readonly hash: string }, void, void> {
    const query = this.#database.prepare(
      "SELECT seq, hash, owner, bytes FROM records WHERE task = ? ORDER BY seq, hash, owner",
    );
    for (const row of query.iterate(id)) {
      const { seq, hash, owner, bytes } = row as { seq: number; hash: string; owner: number; bytes: Uint8Array };
      yield { seq: seq === noSeq ? undefined : seq, hash, bytes, owner: this.#ownerOf[owner] ?? {} };
    }
  }

  /** Lines that begin a log, and lines whose predecessor is not here. */
  firstHeads(): (PiledHead & { readonly isFirst: boolean })[] {
    const query = this.#database.prepare(
      `SELECT hash, prev, text FROM heads AS one
       WHERE prev IS NULL OR NOT EXISTS (SELECT 1 FROM heads AS other WHERE other.hash = one.prev) ORDER BY line, hash`,
    );
    return query.all().map((row) => {
      const { hash, prev, text } = row as { hash: string; prev: string | null; text: string };
      return { hash, text, isFirst: prev === null };
    });
  }

  /** Lines that follow a line: one, unless something is wrong. */
  headsAfter(hash: string): PiledHead[] {
    return this.#followers.all(hash) as unknown as PiledHead[];
  }

  close(): void {
    this.#database.close();
  }

  #ownerID(owner: LineOwner): number {
    const key = JSON.stringify(owner);
    const known = this.#owners.get(key);
    if (known !== undefined) {
      return known;
    }
    const id = this.#ownerOf.push(owner) - 1;
    this.#owners.set(key, id);
    return id;
  }

  #taskID(proxy: string, task: string): number {
    const key = JSON.stringify([proxy, task]);
    const id = this.#tasks.get(key) ?? this.#tasks.size + 1;
    this.#tasks.set(key, id);
    return id;
  }
}
