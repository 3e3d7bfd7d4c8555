import type { Priority } from "./priority.ts";

/** What happens in a queue, for metrics. */
export interface QueueRecorder {
  /** A key that was not to be looked at is to be, at once or, where a worker has it, after that. */
  added(key: string, priority: Priority): void;
  /** A key that waits has become more urgent. */
  raised(key: string, priority: Priority): void;
  /** A worker was given the key. */
  given(key: string): void;
  /** The worker has given it back. */
  done(key: string): void;
  /** The key is no longer to be looked at: the queue is being shut down. */
  dropped(key: string): void;
  /** The key is to come back after a time, whatever for. */
  delayed(key: string): void;
}
