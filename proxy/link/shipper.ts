import { coerceError } from "#lib/errors.ts";
import type { Journal } from "#audit/journal.ts";
import { auditBatchBytesMax, encodeAuditBatch } from "#wire/link.ts";

/** What shipping needs of the journal. */
export type ShippedJournal = Pick<Journal, "acknowledged" | "writtenSeq" | "batchAfter" | "onWritten" | "acknowledge">;

/**
 * Batches that may be on their way unacknowledged: enough to keep a link of 100 ms and 100 Mbit/s busy, little enough that a slow
 * controller does not fill the proxy's memory.
 */
export const batchesInFlightMax = 4;

/** Ships the journal over one link: in order, resuming after what the controller has stored. */
export class Shipper {
  readonly #journal: ShippedJournal;
  readonly #sendBatch: (batch: Buffer) => void;
  readonly #stopListening: () => void;
  /** Last sequence of each batch that is on its way, oldest first. */
  #inFlight: number[] = [];
  #sentSeq: number;
  #stopped = false;

  /** Begins at once, after `acknowledged`. `onFailed`: records cannot be read; the link ends, and the next one tries again. */
  constructor(
    journal: ShippedJournal,
    acknowledged: number,
    { sendBatch, onFailed }: { readonly sendBatch: (batch: Buffer) => void; readonly onFailed: (error: Error) => void },
  ) {
    this.#journal = journal;
    this.#sendBatch = sendBatch;
    // A controller that claims more than there is knows another history of this task; nothing may be dropped on its word.
    const from = Math.min(acknowledged, journal.writtenSeq);
    journal.acknowledge(from);
    this.#sentSeq = Math.max(from, journal.acknowledged);
    this.#stopListening = journal.onWritten(() => {
      try {
        this.#pump();
      } catch (error) {
        // The writer that calls must go on: statements wait for it.
        this.stop();
        onFailed(coerceError(error));
      }
    });
    this.#pump();
  }

  /** The controller has stored everything up to `seq`. */
  acknowledged(seq: number): void {
    // What was not sent cannot have been stored.
    const reached = Math.min(seq, this.#sentSeq);
    this.#inFlight = this.#inFlight.filter((last) => last > reached);
    this.#journal.acknowledge(reached);
    this.#pump();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopListening();
  }

  #pump(): void {
    while (!this.#stopped && this.#inFlight.length < batchesInFlightMax) {
      const records = this.#journal.batchAfter(this.#sentSeq, auditBatchBytesMax);
      const last = records.at(-1);
      if (last === undefined) {
        return;
      }
      this.#sentSeq = last.seq;
      this.#inFlight.push(last.seq);
      this.#sendBatch(encodeAuditBatch(records.map((record) => record.bytes)));
    }
  }
}
