import type { EpochMs } from "#lib/clock.ts";
import type { SpoolMetrics } from "./spool/spool.ts";

/** Counts since this process began, and what is there now. Plain data. */
export interface JournalMetrics extends SpoolMetrics {
  /** Records taken for writing. */
  readonly taken: number;
  /** Records refused at once because the spool is full; those of a failed write are in `failedWrites`, a turn each. */
  readonly full: number;
  readonly tooLarge: number;
  /** Gap records taken, and how many records they say are missing. */
  readonly gaps: number;
  readonly gapRecords: number;
  /** Pieces of large texts taken. */
  readonly textPieces: number;
  readonly writtenSeq: number;
  readonly acknowledgedSeq: number;
  /** How long the oldest record has waited for its acknowledgement, in milliseconds; 0 where none does. At most a second too long. */
  readonly oldestWaitingMs: number;
  /** Most that records of what begins may take of the spool, in bytes. */
  readonly capacityBytes: number;
  /** Statements and sessions that were refused because there was no room for their record (`denied`), and when the last one was. */
  readonly denied: number;
  readonly lastDenied: EpochMs | undefined;
  /** Last record that was linked for shipping. */
  readonly linkedSeq: number;
  readonly openSessions: number;
  /** Ends that found no room and are tried again. */
  readonly owedRecords: number;
  /** Writes that wait for the controller. */
  readonly remoteWaiting: number;
}
