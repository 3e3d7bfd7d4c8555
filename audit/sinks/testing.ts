import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { memoryCursors } from "./cursor.ts";
import { SinkFailure } from "./failure.ts";
import { type RunnerOptions, SinkRunner } from "./runner.ts";
import type { DeliveryContext, Sink, SinkItem, SinkSource } from "./sink.ts";

/** A source that tests add to, and cut the beginning off. */
export class TestSource implements SinkSource<string> {
  readonly #items: SinkItem<string>[] = [];
  readonly #wakers = new Set<() => void>();
  #oldest = 1;
  /** Most items that were handed out by one read. */
  largestRead = 0;

  /** Adds items at the next positions, received at `receivedMs`. */
  add(count: number, receivedMs = 0, bytes = 10): void {
    for (let added = 0; added < count; added += 1) {
      const position = this.latest() + 1;
      this.#items.push({ position, id: `id-${position}`, receivedMs, bytes, value: `value ${position}` });
    }
    for (const wake of this.#wakers) {
      wake();
    }
  }

  /** Retention: everything up to here is gone. */
  removeUpTo(position: number): void {
    this.#oldest = Math.max(this.#oldest, position + 1);
  }

  latest(): number {
    return this.#items.length;
  }
  newest(): Promise<number> {
    return Promise.resolve(this.latest());
  }
  oldest(): Promise<number> {
    return Promise.resolve(this.#oldest);
  }

  read(after: number, limit: number) {
    const from = Math.max(after, this.#oldest - 1);
    const items = this.#items.slice(from, from + limit);
    this.largestRead = Math.max(this.largestRead, items.length);
    const position = items.at(-1)?.position ?? from;
    return Promise.resolve({ items, position, more: position < this.latest() });
  }

  wait(after: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.latest() > after) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#wakers.delete(wake);
        resolve();
      };
      this.#wakers.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

/** What a delivery does instead of succeeding. */
export type Fault = "refused" | "unreachable" | "throttled" | "lost-answer" | "half";

/** A destination that keeps what it is given, and fails as it is told to. */
export class TestSink implements Sink<string> {
  /** Every delivery that arrived, failed ones too where the destination kept something. */
  readonly arrived: (readonly number[])[] = [];
  readonly faults: Fault[] = [];
  tries = 0;
  isClosed = false;

  deliver(items: readonly SinkItem<string>[], { confirmed }: DeliveryContext): Promise<void> {
    this.tries += 1;
    const positions = items.map(({ position }) => position);
    const fault = this.faults.shift();
    if (fault === "half") {
      const half = positions.slice(0, Math.ceil(positions.length / 2));
      this.arrived.push(half);
      confirmed(half.at(-1) ?? 0);
      return Promise.reject(new SinkFailure("unreachable", "half of it"));
    }
    if (fault === undefined || fault === "lost-answer") {
      this.arrived.push(positions);
    }
    return fault === undefined
      ? Promise.resolve()
      : Promise.reject(new SinkFailure(fault === "lost-answer" ? "unreachable" : fault, fault));
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

/** Lets everything that is ready run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A runner between a source, a destination and cursors in memory, by a clock that stands still. */
export function stand(changes: Partial<RunnerOptions<string>> = {}) {
  const clock = manualClock(0);
  const source = new TestSource();
  const sink = new TestSink();
  const cursors = memoryCursors();
  const counted = { delivered: 0, failed: [] as string[], lost: 0 };
  let ids = 0;
  const options: RunnerOptions<string> = {
    name: "test",
    source,
    sink,
    cursors,
    limits: { items: 3, bytes: 1_000, ageMs: 5_000 },
    from: "beginning",
    clock,
    random: () => 0.5,
    newID: () => `epoch${(ids += 1)}`,
    log: silentLog,
    recorder: {
      delivered: (_, items) => (counted.delivered += items),
      failed: (_, kind) => counted.failed.push(kind),
      lost: (_, positions) => (counted.lost += positions),
    },
    ...changes,
  };
  return { clock, source, sink, cursors, counted, options, runner: new SinkRunner(options) };
}
