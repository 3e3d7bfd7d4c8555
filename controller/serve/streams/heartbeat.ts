import type { Clock } from "#lib/clock.ts";
import type { StatementEvent } from "#wire/control-api.ts";

/** A client takes three missed heartbeats (45 s) for a lost connection; proxies between them drop idle ones after 60 s and more. */
export const heartbeatPeriodMs = 15_000;

/** A sign of life at a position of the store. A client that resumes there misses nothing. */
export function heartbeat(storeSeq: number, nowMs: number): StatementEvent {
  const time = new Date(nowMs).toISOString();
  return { storeSeq, event: "heartbeat", time, grantID: "", session: "", userName: "", database: "", role: "" };
}

/**
 * The events, with a heartbeat first and after each silence of `heartbeatPeriodMs`. One event is read ahead at most. Ends and
 * fails as `events` does; ending it early asks `events` to return.
 */
export function withHeartbeats(
  events: AsyncIterable<StatementEvent>,
  startSeq: number,
  clock: Clock,
): AsyncGenerator<StatementEvent, void, void> {
  const beat = (last: StatementEvent | undefined): StatementEvent => heartbeat(last?.storeSeq ?? startSeq, clock.now());
  return withBeats(events, { first: beat(undefined), beat, clock });
}

/** Signs of life between values. */
export interface Beats<T> {
  /** Given before anything else; absent: nothing is. */
  readonly first?: T;
  /** Made of the last value after each silence. */
  readonly beat: (last: T | undefined) => T;
  readonly clock: Clock;
}

/** The same for values of any kind. */
export async function* withBeats<T>(
  values: AsyncIterable<T>,
  { first, beat, clock }: Beats<T>,
): AsyncGenerator<T, void, void> {
  const iterator = values[Symbol.asyncIterator]();
  let last: T | undefined;
  let arrived: { readonly next: IteratorResult<T> } | { readonly failure: unknown } | undefined;
  let wake = (): void => {};
  // One reaction per value, however many heartbeats go by: racing a timer against the same promise would pile them up.
  const ask = (): void => {
    arrived = undefined;
    iterator.next().then(
      (next) => {
        arrived = { next };
        wake();
      },
      (failure: unknown) => {
        arrived = { failure };
        wake();
      },
    );
  };
  try {
    ask();
    if (first !== undefined) {
      yield first;
    }
    for (;;) {
      if (arrived === undefined) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(heartbeatPeriodMs, resolve);
          wake = () => {
            cancel();
            resolve();
          };
        });
      }
      const latest = arrived;
      if (latest === undefined) {
        yield beat(last);
        continue;
      }
      if ("failure" in latest) {
        throw latest.failure;
      }
      if (latest.next.done === true) {
        return;
      }
      last = latest.next.value;
      yield last;
      ask();
    }
  } finally {
    // Not waited for: a source that hangs in `next` would answer only after that.
    void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
