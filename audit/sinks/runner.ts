import { type Clock, type EpochMs, pause } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { backoffMs } from "./backoff.ts";
import { type Batch, collectBatch } from "./batch.ts";
import type { Cursor, CursorStore } from "./cursor.ts";
import { type FailureKind, type SinkFailure, sinkFailure } from "./failure.ts";
import { openCursor } from "./open-cursor.ts";
import type { BatchLimits, Sink, SinkSource } from "./sink.ts";

/** What a runner does, for metrics. */
export interface SinkRecorder {
  delivered(sink: string, items: number, bytes: number): void;
  failed(sink: string, kind: FailureKind): void;
  /** Positions that were gone before they could be delivered. */
  lost(sink: string, positions: number): void;
}

export interface RunnerOptions<T> {
  /** Names the cursor, the metrics and the messages; shown to people. */
  readonly name: string;
  readonly source: SinkSource<T>;
  readonly sink: Sink<T>;
  readonly cursors: CursorStore;
  readonly limits: BatchLimits;
  /** Where a sink that never ran begins. */
  readonly from: "beginning" | "now";
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly newID: () => string;
  readonly log: Log;
  readonly recorder?: SinkRecorder | undefined;
  /** Throws unless this process may deliver now; asked before each delivery and each move of the cursor. */
  readonly pass?: (() => void) | undefined;
}

/** A failure that goes on. */
export interface OngoingFailure {
  readonly kind: FailureKind;
  readonly message: string;
  readonly sinceMs: EpochMs;
  readonly tries: number;
}

/** How a sink is doing. */
export interface RunnerStatus {
  readonly name: string;
  /** Everything up to here is confirmed. Undefined while it is not known yet. */
  readonly position: number | undefined;
  /** Positions that are not confirmed yet. */
  readonly behind: number;
  /** Age of the oldest item that is known not to be confirmed, in milliseconds. 0 where there is none. */
  readonly behindMs: number;
  /** Absent while deliveries go well. */
  readonly failure?: OngoingFailure;
  /** Positions lost to retention since this process began. */
  readonly lost: number;
}

/** How long a stop waits for the last delivery, in milliseconds: what is not confirmed by then is delivered after the next start. */
const stopGraceMs = 5_000;

/**
 * Delivers everything of a source to one sink, in order, at least once, however often either fails or the process dies: the cursor moves,
 * durably, only after the destination has confirmed. One batch is in memory. It never gives up and never skips: a destination that refuses is
 * asked again, ever less often, and the status says so. Runners share nothing, so a slow sink keeps no other one waiting.
 */
export class SinkRunner<T> {
  readonly #options: RunnerOptions<T>;
  readonly #flush = new AbortController();
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;
  #cursor: Cursor | undefined;
  #oldestMs: EpochMs | undefined;
  #failure: OngoingFailure | undefined;
  #lost = 0;
  /** Highest position that was read. */
  #seen = 0;

  constructor(options: RunnerOptions<T>) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Begins to deliver. Call it once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Delivers what it has, if the destination answers within a few seconds, and closes the sink. Never rejects. */
  async stop(): Promise<void> {
    this.#flush.abort();
    const cancel = this.#options.clock.after(stopGraceMs, () => this.#abort.abort());
    await this.#running;
    cancel();
    await this.#options.sink
      .close()
      .catch((error: unknown) => this.#options.log.warn("a sink did not close", { error }));
  }

  /** Lowest position that this sink still needs: retention that removes it would lose it. */
  positionNeeded(): number {
    return (this.#cursor?.position ?? 0) + 1;
  }

  status(): RunnerStatus {
    const { name, source, clock } = this.#options;
    const position = this.#cursor?.position;
    return {
      name,
      position,
      behind: Math.max(0, Math.max(source.latest(), this.#seen) - (position ?? 0)),
      behindMs: this.#oldestMs === undefined ? 0 : Math.max(0, clock.now() - this.#oldestMs),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
      lost: this.#lost,
    };
  }

  async #run(): Promise<void> {
    while (!this.#flush.signal.aborted) {
      try {
        this.#cursor ??= await openCursor(this.#options);
        await this.#turn(this.#cursor);
      } catch (thrown) {
        // The source or the cursor could not be read or written: what is confirmed stays so, and the rest is read again.
        await this.#rest(sinkFailure(thrown));
      }
    }
  }

  /** One batch: read, delivered, written down. */
  async #turn(cursor: Cursor): Promise<void> {
    const { source, limits, clock } = this.#options;
    const batch = await collectBatch({
      source,
      limits,
      clock,
      after: cursor.position,
      upTo: cursor.pendingUpTo,
      flush: this.#flush.signal,
      onFirst: ({ receivedMs }) => {
        this.#oldestMs = receivedMs;
      },
    });
    this.#seen = Math.max(this.#seen, batch.upTo);
    await this.#noteLoss(cursor, batch);
    if (batch.items.length > 0) {
      await this.#pin(batch);
      await this.#deliver(batch);
    } else if (batch.upTo > cursor.position) {
      await this.#move(batch.upTo, cursor.lastID, undefined);
    }
  }

  /** The batch's end is on the disk before its delivery begins, so that after a crash it is the same batch. */
  async #pin({ items }: Batch<T>): Promise<void> {
    const cursor = this.#known();
    const pendingUpTo = items.at(-1)?.position;
    if (cursor.pendingUpTo !== pendingUpTo) {
      await this.#move(cursor.position, cursor.lastID, pendingUpTo);
    }
  }

  async #deliver(batch: Batch<T>): Promise<void> {
    const { sink, recorder, name, pass } = this.#options;
    let confirmed = this.#known().position;
    const context = {
      signal: this.#abort.signal,
      epoch: this.#known().epoch,
      confirmed: (position: number): void => {
        confirmed = Math.max(confirmed, position);
      },
    };
    const last = batch.items.at(-1)?.position ?? 0;
    for (;;) {
      const rest = batch.items.filter(({ position }) => position > confirmed);
      try {
        pass?.();
        await sink.deliver(rest, context);
        confirmed = last;
      } catch (thrown) {
        await this.#confirm(batch, confirmed);
        await this.#rest(sinkFailure(thrown));
        if (this.#flush.signal.aborted) {
          return;
        }
        continue;
      }
      recorder?.delivered(name, rest.length, bytesOf(rest));
      await this.#confirm(batch, last);
      return;
    }
  }

  /** Writes down how far the destination has confirmed a batch; tries until it is durable, or the stop's time is over. */
  async #confirm(batch: Batch<T>, upTo: number): Promise<void> {
    const last = batch.items.at(-1)?.position ?? 0;
    const isWhole = upTo >= last;
    const done = batch.items.findLast(({ position }) => position <= upTo);
    if (done === undefined) {
      return;
    }
    for (;;) {
      try {
        await this.#move(isWhole ? batch.upTo : done.position, done.id, isWhole ? undefined : last);
        break;
      } catch (thrown) {
        await this.#rest(sinkFailure(thrown));
        if (this.#flush.signal.aborted) {
          return;
        }
      }
    }
    this.#oldestMs = batch.items.find(({ position }) => position > upTo)?.receivedMs;
    this.#recovered();
  }

  async #move(position: number, lastID: string | undefined, pendingUpTo: number | undefined): Promise<void> {
    const { cursors, name, pass } = this.#options;
    const { epoch } = this.#known();
    const cursor: Cursor = {
      position,
      ...(lastID === undefined ? {} : { lastID }),
      ...(pendingUpTo === undefined ? {} : { pendingUpTo }),
      epoch,
    };
    pass?.();
    await cursors.write(name, cursor);
    this.#cursor = cursor;
  }

  /** Positions that retention removed before they were delivered are said, not passed over in silence. */
  async #noteLoss(cursor: Cursor, { items, upTo }: Batch<T>): Promise<void> {
    const { source, recorder, name, log } = this.#options;
    const first = items[0]?.position ?? upTo + 1;
    if (first <= cursor.position + 1 || source.oldest === undefined) {
      return;
    }
    const lost = Math.min((await source.oldest()) - 1, first - 1) - cursor.position;
    if (lost > 0) {
      this.#lost += lost;
      recorder?.lost(name, lost);
      log.error("records were removed before a sink had them", { sink: name, after: cursor.position, lost });
    }
  }

  /** A pause after a failure; ends at once when the runner is to stop. */
  async #rest(failure: SinkFailure): Promise<void> {
    const { name, recorder, log, clock, random } = this.#options;
    if (this.#flush.signal.aborted) {
      return;
    }
    const { kind, message } = failure;
    const tries = (this.#failure?.tries ?? 0) + 1;
    const isNews = this.#failure?.message !== message;
    this.#failure = { kind, message, sinceMs: this.#failure?.sinceMs ?? clock.now(), tries };
    recorder?.failed(name, kind);
    const pauseMs = backoffMs(failure, tries, random());
    log[isNews ? "warn" : "debug"]("a sink did not take what it was given", {
      sink: name,
      kind,
      reason: message,
      tries,
      pauseMs,
    });
    await pause(clock, pauseMs, this.#flush.signal).catch(() => {});
  }

  #recovered(): void {
    if (this.#failure !== undefined) {
      const { name, log } = this.#options;
      log.info("a sink takes records again", { sink: name, tries: this.#failure.tries });
      this.#failure = undefined;
    }
  }

  #known(): Cursor {
    if (this.#cursor === undefined) {
      throw new Error("the cursor is not known yet");
    }
    return this.#cursor;
  }
}

function bytesOf(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}
