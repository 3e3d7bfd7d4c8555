/** Where a flush to the device waits: on the event loop, where nothing else can happen meanwhile, or in the thread pool. */
export type SyncPlace = "event-loop" | "thread-pool";

/**
 * The way through the thread pool costs about 0.1 ms. A device that flushes within 0.3 ms costs less on the event loop (measured:
 * 18.7 against 23.0 µs of CPU a statement); one that needs longer than 0.6 ms stalls every session for the time of some 30
 * statements. In between the place stays as it is, so that it does not change with every flush.
 */
export const syncThresholdsMs = { toEventLoop: 0.3, toThreadPool: 0.6 } as const;

/** One flush as long as this sends the next one to the thread pool, whatever the average: devices stall without warning. */
export const syncStallMs = 5;

/** Weight of the newest flush in the average: the last 8 or so count. */
const averageWeight = 1 / 8;

/** What is known of a device's flushes. */
export interface SyncTimes {
  readonly place: SyncPlace;
  /** Moving average of a flush in milliseconds; undefined before the first. */
  readonly averageMs: number | undefined;
}

/** Before the first flush nothing is known of the device: it must not stall anybody. */
export const noSyncTimes: SyncTimes = { place: "thread-pool", averageMs: undefined };

/** What the place becomes after a flush that took `ms`. Pure. */
export function afterFlush(times: SyncTimes, ms: number): SyncTimes {
  const averageMs = times.averageMs === undefined ? ms : times.averageMs + (ms - times.averageMs) * averageWeight;
  if (ms >= syncStallMs || averageMs > syncThresholdsMs.toThreadPool) {
    return { place: "thread-pool", averageMs };
  }
  return { place: averageMs < syncThresholdsMs.toEventLoop ? "event-loop" : times.place, averageMs };
}
