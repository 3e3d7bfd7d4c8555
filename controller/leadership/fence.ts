import { type Leadership, NotLeading } from "./leadership.ts";

/**
 * Keeps writes of a process that does not lead from leaving it. The AWS clients ask it right before each attempt of an operation that
 * changes something: after the wait for the shared rate limit, after every retry's pause, and after the process was stopped for a minute
 * in between. An attempt that is on the network when the lease ends cannot be called back; the lease ends
 * `leaseDurationMs - renewDeadlineMs` before another replica may take it, and every write is idempotent.
 */
export class Fence {
  #leadership: Leadership | undefined;

  /** Whose word counts from now on. Before that nothing may be written. */
  follow(leadership: Leadership): void {
    this.#leadership = leadership;
  }

  /** Throws `NotLeading` unless this process may call `call` (`service:Operation`) at this moment. */
  readonly pass = (call: string): void => {
    if (this.#leadership === undefined) {
      throw new NotLeading(call);
    }
    this.#leadership.assertLeading(call);
  };
}
