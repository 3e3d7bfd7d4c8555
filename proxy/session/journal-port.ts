import type { Durability, WriteResult } from "#audit/journal.ts";
import type { RecordBody } from "#audit/record.ts";

/** What a session needs of the journal; `Journal` of `audit/journal.ts` is one. */
export interface SessionJournal {
  /** Calls `done` once the record is as durable as asked, at the end of the turn or later, or at once where it is refused. */
  writeThen(body: RecordBody, durability: Durability, done: (result: WriteResult) => void): void;
  /** What got `full` was refused to the person. */
  denied?(): void;
  /** Number for a large text that is written piece by piece. */
  nextText(session: string): number;
}

/** How a session is recorded: the Database's `audit` settings. */
export interface AuditPolicy {
  readonly durability: Durability;
  readonly onFull: "Deny" | "Gap";
  readonly parameters: "Record" | "Omit";
}
