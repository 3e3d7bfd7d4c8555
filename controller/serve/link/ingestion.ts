import { decodeAuditBatch } from "#wire/link.ts";
import type { ProvenTask } from "./authenticate.ts";

/** Where audit records of a task go. `ingest` resolves with the highest sequence that is stored for good. */
export interface AuditSink {
  acknowledged(proxyKey: string, taskID: string): Promise<number>;
  ingest(proxyKey: string, taskID: string, records: readonly Buffer[]): Promise<number>;
}

/**
 * Batches of one link that may wait for the store. A proxy has 4 on their way (proxy/link/shipper.ts); twice that is a proxy that
 * does not keep to it, and is held back by TCP.
 */
export const batchesWaitingMax = 8;

/** What an ingestion tells its link. */
export interface IngestionEvents {
  readonly stored: (seq: number) => void;
  /** Called once; nothing is stored after it. */
  readonly failed: (error: unknown) => void;
  /** Too many batches wait: no more should be read until `roomAgain`. */
  readonly full: () => void;
  readonly roomAgain: () => void;
}

/**
 * Stores a link's audit batches one after the other, in the order they came. After a failure nothing more is stored: a later
 * batch behind a lost one would look like records that were removed.
 */
export class Ingestion {
  readonly #sink: AuditSink;
  readonly #events: IngestionEvents;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isFull = false;
  #isStopped = false;

  constructor(sink: AuditSink, events: IngestionEvents) {
    this.#sink = sink;
    this.#events = events;
  }

  /** Takes a batch of that task. */
  take(task: ProvenTask, batch: Buffer): void {
    this.#waiting += 1;
    if (this.#waiting >= batchesWaitingMax && !this.#isFull) {
      this.#isFull = true;
      this.#events.full();
    }
    this.#last = this.#last.then(() => this.#store(task, batch));
  }

  /** Drops what waits. The proxy ships it again over its next link. */
  stop(): void {
    this.#isStopped = true;
  }

  async #store(task: ProvenTask, batch: Buffer): Promise<void> {
    this.#waiting -= 1;
    if (this.#isStopped) {
      return;
    }
    try {
      const seq = await this.#sink.ingest(task.proxyKey, task.taskID, decodeAuditBatch(batch));
      this.#events.stored(seq);
    } catch (error) {
      this.#isStopped = true;
      this.#events.failed(error);
      return;
    }
    if (this.#isFull && this.#waiting < batchesWaitingMax / 2) {
      this.#isFull = false;
      this.#events.roomAgain();
    }
  }
}
