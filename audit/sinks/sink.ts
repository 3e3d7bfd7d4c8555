import type { EpochMs } from "#lib/clock.ts";

/** One thing to deliver. */
export interface SinkItem<T> {
  /** Position in the store: rises, not always by one. */
  readonly position: number;
  /** The same at every delivery: a reader drops what it has seen. */
  readonly id: string;
  /** When the store took it. */
  readonly receivedMs: EpochMs;
  /** About how many bytes it is when delivered; batches are bounded by it. */
  readonly bytes: number;
  readonly value: T;
}

export interface SinkPage<T> {
  readonly items: readonly SinkItem<T>[];
  /** Everything up to here was looked at: where the next page begins. At least the last item's position. */
  readonly position: number;
  /** Whether there is something after `position` already. */
  readonly more: boolean;
}

/** What a runner reads. A position must never become visible after a higher one has been: a cursor would pass it. */
export interface SinkSource<T> {
  /** At most about `limit` items after `after`, oldest first. Resolves at once. */
  read(after: number, limit: number): Promise<SinkPage<T>>;
  /** Resolves when there may be something after `after`, or when the signal aborts. Never rejects. */
  wait(after: number, signal: AbortSignal): Promise<void>;
  /** Position of the newest as it was last seen; for display. */
  latest(): number;
  /** Position of the newest. Resolves after everything that was stored before the call. */
  newest(): Promise<number>;
  /** Lowest position that retention has left; 1 or less where nothing was ever removed. Absent: nothing is ever removed. */
  oldest?(): Promise<number>;
}

/** What a destination is given besides the items. */
export interface DeliveryContext {
  /** Ends a delivery that is not to go on. */
  readonly signal: AbortSignal;
  /** Random name of this sequence of positions, as safe in a file's name: positions are unique within it only. */
  readonly epoch: string;
  /** Everything up to this position is confirmed, although the rest may still fail. */
  readonly confirmed: (position: number) => void;
}

/** A destination. */
export interface Sink<T> {
  /**
   * Delivers a batch, oldest first, never empty. Resolves when the destination has confirmed all of it. Rejects with a `SinkFailure`;
   * anything else that it throws counts as a passing failure. Nothing of a batch may be left out.
   */
  deliver(items: readonly SinkItem<T>[], context: DeliveryContext): Promise<void>;
  /** Ends connections and closes files. */
  close(): Promise<void>;
}

/** When a batch is complete: whichever comes first. One item larger than `bytes` is a batch of its own. */
export interface BatchLimits {
  readonly items: number;
  readonly bytes: number;
  /** Longest that an item waits for others, in milliseconds, from when the store took it. */
  readonly ageMs: number;
}
