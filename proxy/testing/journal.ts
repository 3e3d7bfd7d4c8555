import type { Durability, WriteResult } from "#audit/journal.ts";
import type { RecordBody, SessionClose, StatementEnd, StatementStart } from "#audit/record.ts";
import type { SessionJournal } from "../session/journal-port.ts";

/** A journal in memory, for tests of sessions. */
export class MemoryJournal implements SessionJournal {
  readonly records: RecordBody[] = [];
  /** What becomes of a record; all are written unless a test says otherwise. */
  verdict: (body: RecordBody) => WriteResult = () => "written";
  /** While set, nothing is settled: `release` settles what waits. */
  hold = false;
  #texts = 0;
  #waiting: (() => void)[] = [];
  #watchers: (() => void)[] = [];

  writeThen(body: RecordBody, _durability: Durability, done: (result: WriteResult) => void): void {
    const result = this.verdict(body);
    if (result === "written") {
      this.records.push(body);
    }
    for (const watcher of this.#watchers.splice(0)) {
      watcher();
    }
    if (this.hold) {
      this.#waiting.push(() => done(result));
    } else {
      setImmediate(() => done(result));
    }
  }

  /** How often something was refused for want of room. */
  deniedCount = 0;

  denied(): void {
    this.deniedCount += 1;
  }

  nextText(): number {
    this.#texts += 1;
    return this.#texts;
  }

  release(): void {
    this.hold = false;
    for (const settle of this.#waiting.splice(0)) {
      settle();
    }
  }

  /** Resolves once a record fits, counting those that are there already. */
  async until<T extends RecordBody>(fits: (record: RecordBody) => record is T): Promise<T> {
    for (;;) {
      const found = this.records.find(fits);
      if (found !== undefined) {
        return found;
      }
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  get starts(): StatementStart[] {
    return this.records.filter((record) => record.kind === "statement.start");
  }

  get ends(): StatementEnd[] {
    return this.records.filter((record) => record.kind === "statement.end");
  }

  get closes(): SessionClose[] {
    return this.records.filter((record) => record.kind === "session.close");
  }

  /** Each statement with its end, in the order of their starts. */
  statements(): { start: StatementStart; end: StatementEnd | undefined }[] {
    return this.starts.map((start) => ({
      start,
      end: this.ends.find((end) => end.session === start.session && end.statement === start.statement),
    }));
  }

  clear(): void {
    this.records.length = 0;
    this.deniedCount = 0;
  }
}

export const isClose = (record: RecordBody): record is SessionClose => record.kind === "session.close";
export const isStart = (record: RecordBody): record is StatementStart => record.kind === "statement.start";
