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
export async function* withHeartbeats(
  events: AsyncIterable<StatementEvent>,
  startSeq: number,
  clock: Clock,
): AsyncGenerator<StatementEvent, void, void> {
  const iterator = events[Symbol.asyncIterator]();
  let position = startSeq;
  let arrived: { readonly next: IteratorResult<StatementEvent> } | { readonly failure: unknown } | undefined;
  let wake = (): void => {};
  // One reaction per event, however many heartbeats go by: racing a timer against the same promise would pile them up.
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
    yield heartbeat(position, clock.now());
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
        yield heartbeat(position, clock.now());
        continue;
      }
      if ("failure" in latest) {
        throw latest.failure;
      }
      if (latest.next.done === true) {
        return;
      }
      position = latest.next.value.storeSeq;
      yield latest.next.value;
      ask();
    }
  } finally {
    // Not waited for: a source that hangs in `next` would answer only after that.
    void Promise.resolve(iterator.return?.()).catch(() => {});
  }
}
