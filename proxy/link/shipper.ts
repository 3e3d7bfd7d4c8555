import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Journal } from "#audit/journal.ts";
import { auditBatchBytesMax } from "#wire/link.ts";

/** What shipping needs of the journal. */
export type ShippedJournal = Pick<
  Journal,
  "acknowledged" | "writtenSeq" | "takenSeq" | "isRemoteWaiting" | "batchAfter" | "onWritten" | "acknowledge"
>;

/**
 * Batches that may be on their way unacknowledged: enough to keep a link of 100 ms and 100 Mbit/s busy, little enough that a slow
 * controller does not fill the proxy's memory.
 */
export const batchesInFlightMax = 4;

/**
 * Records are gathered for this long before they are linked and sent, unless one waits for the controller (`Remote`): a message for
 * every turn of the event loop would cost more than the statements in it. Short beside what a person who follows the trail notices.
 */
export const gatherMs = 20;

/** What a shipper works with. */
export interface ShipperPorts {
  readonly sendBatch: (batch: Uint8Array) => void;
  /** Records cannot be read; the link ends, and the next one tries again. */
  readonly onFailed: (error: Error) => void;
  readonly clock: Clock;
}

/** Ships the journal over one link: in order, resuming after what the controller has stored. */
export class Shipper {
  readonly #journal: ShippedJournal;
  readonly #ports: ShipperPorts;
  readonly #clock: Clock;
  readonly #stopListening: () => void;
  /** Last sequence of each batch that is on its way, oldest first. */
  #inFlight: number[] = [];
  #sentSeq: number;
  #isReading = false;
  /** Something was written since the read that is under way began. */
  #hasMore = false;
  #stopped = false;
  #cancelTimer: CancelTimer | undefined;

  /** Begins at once, after `acknowledged`. */
  constructor(journal: ShippedJournal, acknowledged: number, ports: ShipperPorts) {
    this.#journal = journal;
    this.#ports = ports;
    this.#clock = ports.clock;
    // A controller that claims more than there is knows another history of this task; nothing may be dropped on its word.
    const from = Math.min(acknowledged, journal.writtenSeq);
    journal.acknowledge(from);
    this.#sentSeq = Math.max(from, journal.acknowledged);
    this.#stopListening = journal.onWritten(() => this.#gather());
    void this.#pump();
  }

  /** The controller has stored everything up to `seq`. */
  acknowledged(seq: number): void {
    // What was not sent cannot have been stored.
    const reached = Math.min(seq, this.#sentSeq);
    const wasFull = this.#inFlight.length >= batchesInFlightMax;
    this.#inFlight = this.#inFlight.filter((last) => last > reached);
    this.#journal.acknowledge(reached);
    if (wasFull) {
      void this.#pump();
    } else {
      this.#gather();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer?.();
    this.#stopListening();
  }

  #gather(): void {
    if (this.#journal.isRemoteWaiting) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      void this.#pump();
    } else {
      this.#cancelTimer ??= this.#clock.after(gatherMs, () => {
        this.#cancelTimer = undefined;
        void this.#pump();
      });
    }
  }

  /**
   * Sends until all that was gathered is sent or enough is on its way. What came meanwhile is gathered again, since under load there is
   * always more. Never rejects.
   */
  async #pump(): Promise<void> {
    this.#hasMore = true;
    if (this.#isReading) {
      return;
    }
    this.#isReading = true;
    try {
      while (this.#hasMore && !this.#stopped && this.#inFlight.length < batchesInFlightMax) {
        this.#hasMore = false;
        const gatheredSeq = this.#journal.writtenSeq;
        const batch = await this.#journal.batchAfter(this.#sentSeq, auditBatchBytesMax);
        if (batch.count === 0 || this.#stopped) {
          continue;
        }
        this.#hasMore ||= batch.lastSeq < gatheredSeq || this.#journal.isRemoteWaiting;
        this.#sentSeq = batch.lastSeq;
        this.#inFlight.push(batch.lastSeq);
        this.#ports.sendBatch(batch.bytes);
      }
    } catch (error) {
      if (!this.#stopped) {
        this.stop();
        this.#ports.onFailed(coerceError(error));
      }
    } finally {
      this.#isReading = false;
    }
  }
}
