import type { EpochMs } from "#lib/clock.ts";
import { partsOf } from "./parts.ts";
import type { RecordLine } from "./record-line.ts";
import type { SinkItem } from "./sink.ts";

/** Limits of PutLogEvents (CloudWatch Logs API reference, PutLogEvents): of one call, and of one event. */
export const putLogEventsLimits = {
  events: 10_000,
  /** UTF-8 bytes of all messages, and `overheadBytes` for each event. */
  bytes: 1_048_576,
  overheadBytes: 26,
  /** Between the first and the last event of a call. */
  spanMs: 86_400_000,
  /** 256 KiB with the overhead. AWS has raised it since; servers that speak its protocol have not all. */
  eventBytes: 262_144,
} as const;

/** An event that is older is refused (14 days); an hour less, since it may wait for a retry. */
const oldestMs = (14 * 24 - 1) * 3_600_000;
/** An event further in the future is refused (2 hours). */
const newestMs = 110 * 60_000;

/** One event. */
export interface LogEvent {
  readonly timestamp: EpochMs;
  readonly message: string;
}

/** What one call delivers. */
export interface LogCall {
  /** In the order of their timestamps, as PutLogEvents wants them. */
  readonly events: readonly LogEvent[];
  /** Everything up to here is delivered when this call and all before it are. Undefined while not even the first record is whole. */
  readonly upTo: number | undefined;
}

/**
 * Divides records into calls, in their order. The time of an event is that of the record where CloudWatch takes it, else the nearest that it
 * takes; the message has the record's own time.
 */
export function logCalls(items: readonly SinkItem<RecordLine>[], nowMs: EpochMs): LogCall[] {
  const calls: LogCall[] = [];
  let events: LogEvent[] = [];
  let bytes = 0;
  let upTo: number | undefined;
  const limits = putLogEventsLimits;
  const end = (): void => {
    if (events.length > 0) {
      calls.push({ events: events.toSorted((one, other) => one.timestamp - other.timestamp), upTo });
    }
    events = [];
    bytes = 0;
  };
  let earliest = 0;
  let latest = 0;
  for (const { value, position } of items) {
    const timestamp = Math.min(Math.max(value.timeMs, nowMs - oldestMs), nowMs + newestMs);
    for (const message of partsOf(value, limits.eventBytes - limits.overheadBytes)) {
      const size = Buffer.byteLength(message) + limits.overheadBytes;
      const span = Math.max(latest, timestamp) - Math.min(earliest, timestamp);
      if (
        events.length >= limits.events ||
        bytes + size > limits.bytes ||
        (events.length > 0 && span > limits.spanMs)
      ) {
        end();
      }
      earliest = events.length === 0 ? timestamp : Math.min(earliest, timestamp);
      latest = events.length === 0 ? timestamp : Math.max(latest, timestamp);
      events.push({ timestamp, message });
      bytes += size;
    }
    upTo = position;
  }
  end();
  return calls;
}
