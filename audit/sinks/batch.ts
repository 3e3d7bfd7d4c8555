import type { Clock } from "#lib/clock.ts";
import type { BatchLimits, SinkItem, SinkSource } from "./sink.ts";

/** Items that are delivered together. Empty where a source had nothing for this sink among what it looked at. */
export interface Batch<T> {
  readonly items: readonly SinkItem<T>[];
  /** Everything up to here is in `items`, or was delivered before, or is not for this sink. */
  readonly upTo: number;
}

/** Items that one read holds in memory beyond the batch. */
const pageItems = 200;
/** Positions looked at without finding anything, after which that is worth writing down. */
const scannedMax = 10_000;

export interface CollectOptions<T> {
  readonly source: SinkSource<T>;
  readonly limits: BatchLimits;
  readonly clock: Clock;
  /** Position after which to begin. */
  readonly after: number;
  /** The batch ends exactly here: one whose delivery was begun before. */
  readonly upTo?: number | undefined;
  /** Aborted: what is there is the batch, at once. */
  readonly flush: AbortSignal;
  /** Hears of the first item of a batch while others are waited for. */
  readonly onFirst: (item: SinkItem<T>) => void;
}

/** Reads until a batch is complete; waits for more only as long as the oldest item may wait. Holds one batch and one page at most. */
export async function collectBatch<T>(options: CollectOptions<T>): Promise<Batch<T>> {
  const collector = new Collector(options);
  for (;;) {
    const isComplete = await collector.take();
    if (isComplete) {
      return collector.batch();
    }
    await collector.waitForMore();
  }
}

class Collector<T> {
  readonly #options: CollectOptions<T>;
  readonly #items: SinkItem<T>[] = [];
  #bytes = 0;
  #scanned: number;
  /** When the batch is due, by the monotonic clock; undefined while it is empty. */
  #dueMs: number | undefined;

  constructor(options: CollectOptions<T>) {
    this.#options = options;
    this.#scanned = options.after;
  }

  batch(): Batch<T> {
    const last = this.#items.at(-1)?.position ?? 0;
    return { items: this.#items, upTo: Math.max(last, this.#scanned) };
  }

  /** Reads what is there. Whether the batch is complete. */
  async take(): Promise<boolean> {
    const { source, limits, upTo, flush, clock } = this.#options;
    for (;;) {
      const room = limits.items - this.#items.length;
      const page = await source.read(this.#scanned, Math.min(pageItems, room));
      for (const item of page.items) {
        if (upTo !== undefined && item.position > upTo) {
          this.#scanned = upTo;
          return true;
        }
        if (this.#isFullFor(item)) {
          return true;
        }
        this.#add(item);
      }
      this.#scanned = page.position;
      if (upTo !== undefined) {
        if (this.#scanned >= upTo || !page.more) {
          return true;
        }
        continue;
      }
      if (this.#items.length >= limits.items || this.#bytes >= limits.bytes || flush.aborted) {
        return true;
      }
      if (!page.more) {
        const isDue = this.#dueMs !== undefined && clock.monotonicMs() >= this.#dueMs;
        return isDue || (this.#items.length === 0 && this.#scanned - this.#options.after >= scannedMax);
      }
    }
  }

  /** Until there may be more, or the batch is due. */
  async waitForMore(): Promise<void> {
    const { source, clock, flush } = this.#options;
    const stop = new AbortController();
    const cancel =
      this.#dueMs === undefined ? undefined : clock.after(this.#dueMs - clock.monotonicMs(), () => stop.abort());
    try {
      await source.wait(this.#scanned, AbortSignal.any([flush, stop.signal]));
    } finally {
      cancel?.();
    }
  }

  #isFullFor(item: SinkItem<T>): boolean {
    const { limits, upTo } = this.#options;
    // A batch that was begun before is delivered as it was, whatever the limits are now.
    if (upTo !== undefined || this.#items.length === 0) {
      return false;
    }
    return this.#items.length >= limits.items || this.#bytes + item.bytes > limits.bytes;
  }

  #add(item: SinkItem<T>): void {
    const { limits, clock, onFirst } = this.#options;
    if (this.#items.length === 0) {
      const waitedMs = Math.min(Math.max(clock.now() - item.receivedMs, 0), limits.ageMs);
      this.#dueMs = clock.monotonicMs() + limits.ageMs - waitedMs;
      onFirst(item);
    }
    this.#items.push(item);
    this.#bytes += item.bytes;
    this.#scanned = item.position;
  }
}
