import { AwsFailure } from "../aws/ports.ts";

/**
 * Whether this process may write to AWS. One process at a time may: with a folder the one that holds the lock on the state directory,
 * in a cluster the one that holds the Lease.
 */
export interface Leadership {
  /** Whether it may at this moment, judged by the monotonic clock: a process that was stopped for a minute finds out here. */
  isLeading(): boolean;
  /** Throws `NotLeading` unless it may. Called right before each write, for the operation `call` (`service:Operation`). */
  assertLeading(call: string): void;
  /**
   * Hears when it begins and when it ends; told at once where it has begun already. It ends once and for good: the process must then
   * end too, and without delay, since another one has begun. Returns the unsubscribe function.
   */
  onChange(listener: (isLeading: boolean) => void): () => void;
  /** When it was confirmed last, in milliseconds of the monotonic clock; undefined while it does not lead. */
  lastRenewedMs(): number | undefined;
}

/** A write that was not made, because this process does not lead, or no longer. The leader makes it. */
export class NotLeading extends AwsFailure {
  constructor(call: string) {
    super("unavailable", "NotLeading", call, `${call} was not called: this replica does not hold the lease now`);
    this.name = "NotLeading";
  }
}

/** Leads from the start and always: the only replica, or the holder of the lock on a state directory. */
export const alwaysLeading: Leadership = {
  isLeading: () => true,
  assertLeading() {},
  onChange(listener) {
    listener(true);
    return () => {};
  },
  lastRenewedMs: () => undefined,
};
