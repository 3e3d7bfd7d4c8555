import type { AnyObject } from "#kinds/index.ts";
import { type Clock, pause } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { EventText } from "./event-texts.ts";
import { isKubeFailure } from "./failure.ts";
import { microTime } from "./lease-record.ts";
import { type KubeTransport, patchTypes } from "./transport.ts";

/** Who reports: qualified by our domain, as events.k8s.io/v1 demands. */
export const reportingController = "sallyport.dev/controller";
/** Events that wait to be written. client-go's bound; beyond it they are dropped and counted. */
export const eventsQueuedMax = 1_000;
/** Series that are remembered, about 300 bytes each. Beyond it the oldest is forgotten, and its next Event begins a new one. */
export const seriesMax = 1_000;
/** A series is over when nothing was added for this long, and is told of at least this often (client-go: finish and refresh time). */
export const seriesFinishMs = 6 * 60_000;
export const seriesRefreshMs = 30 * 60_000;
/** How often series are looked at. */
const sweepPeriodMs = 60_000;
/** Tries of one Event, with pauses that double from one second: half a minute, as long as an API server takes to restart. */
const triesMax = 5;
const firstPauseMs = 1_000;
/** An Event is no reason to hold a connection for long. */
const requestTimeoutMs = 10_000;
/** How long `close` may take to write what waits. */
export const closeTimeoutMs = 2_000;
/** Limits of events.k8s.io/v1: note 1 KiB, instance and action and reason 128 characters; names have at most 253. */
const noteBytesMax = 1_024;
const nameMax = 128;
const objectNameMax = 230;

/** Who an Event is about. */
type Regarding = Pick<AnyObject, "apiVersion" | "kind" | "metadata">;

export interface EventRecorderOptions {
  readonly transport: Pick<KubeTransport, "request">;
  /** Of this process, for `reportingInstance`; cut to 128 characters. */
  readonly instance: string;
  readonly clock: Clock;
  /** For the names of Events. */
  readonly newID: () => string;
  readonly log: Log;
}

/** What became of Events, since the start. */
export interface EventStats {
  readonly queued: number;
  readonly written: number;
  /** Not written because the queue was full. */
  readonly dropped: number;
  /** Given up after the last try, or refused. */
  readonly failed: number;
}

interface Series {
  readonly name: string;
  readonly namespace: string;
  count: number;
  lastMs: number;
  lastTime: string;
  writtenCount: number;
  writtenMs: number;
}

/**
 * Tells people what happened, as events.k8s.io/v1 Events of the objects. Never blocks, never throws: an Event that cannot be written is
 * counted. Repetitions are one Event with a count. Events are gone after an hour; what must be kept is in status and in the log.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #queue: (() => Promise<void>)[] = [];
  readonly #series = new Map<string, Series>();
  readonly #stopped = new AbortController();
  #stats = { written: 0, dropped: 0, failed: 0 };
  #working: Promise<void> | undefined;
  #isClosed = false;
  #hasWarned = false;
  #cancelSweep: (() => void) | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Something happened to that object. */
  record(object: Regarding, text: EventText): void {
    if (this.#isClosed) {
      return;
    }
    const { clock } = this.#options;
    const key = JSON.stringify([object.metadata.uid, object.kind, text.type, text.reason, text.action]);
    const known = this.#series.get(key);
    const time = microTime(clock.now());
    if (known === undefined) {
      this.#begin(key, object, text, time);
      return;
    }
    known.count += 1;
    known.lastMs = clock.monotonicMs();
    known.lastTime = time;
    // The second one makes it a series; later ones are counted, and written by the sweep.
    if (known.count === 2) {
      this.#enqueue(() => this.#writeSeries(known));
    }
  }

  stats(): EventStats {
    return { ...this.#stats, queued: this.#queue.length };
  }

  /** Takes no more; resolves when what waits is written, or its time is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelSweep?.();
    const cancel = this.#options.clock.after(closeTimeoutMs, () => this.#stopped.abort(new Error("stopping")));
    await this.#working;
    cancel();
  }

  #begin(key: string, object: Regarding, text: EventText, time: string): void {
    const { clock, newID } = this.#options;
    const { namespace, name } = object.metadata;
    const nowMs = clock.monotonicMs();
    const stem = name.slice(0, objectNameMax).replace(/[^a-z0-9]+$/, "");
    const series: Series = {
      name: `${stem}.${newID().replaceAll("-", "").slice(0, 16)}`,
      namespace,
      count: 1,
      lastMs: nowMs,
      lastTime: time,
      writtenCount: 1,
      writtenMs: nowMs,
    };
    if (this.#enqueue(() => this.#post(this.#eventOf(series, object, text, time)))) {
      this.#remember(key, series);
    }
  }

  #remember(key: string, series: Series): void {
    const [oldest] = this.#series.keys();
    if (this.#series.size >= seriesMax && oldest !== undefined) {
      this.#series.delete(oldest);
    }
    this.#series.set(key, series);
    this.#cancelSweep ??= this.#options.clock.after(sweepPeriodMs, () => this.#sweep());
  }

  /** Writes counts that are due, and forgets what is over. */
  #sweep(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [key, series] of this.#series) {
      const isOver = nowMs - series.lastMs >= seriesFinishMs;
      if (series.count > series.writtenCount && (isOver || nowMs - series.writtenMs >= seriesRefreshMs)) {
        this.#enqueue(() => this.#writeSeries(series));
      }
      if (isOver) {
        this.#series.delete(key);
      }
    }
    this.#cancelSweep =
      this.#series.size === 0 ? undefined : this.#options.clock.after(sweepPeriodMs, () => this.#sweep());
  }

  #enqueue(write: () => Promise<void>): boolean {
    if (this.#queue.length >= eventsQueuedMax) {
      this.#stats.dropped += 1;
      this.#warn("Events are dropped: too many wait to be written", {});
      return false;
    }
    this.#queue.push(write);
    this.#working ??= this.#work();
    return true;
  }

  async #work(): Promise<void> {
    for (let write = this.#queue.shift(); write !== undefined; write = this.#queue.shift()) {
      try {
        await this.#tryTo(write);
        this.#stats.written += 1;
        this.#hasWarned = false;
      } catch (thrown) {
        this.#stats.failed += 1;
        this.#warn("Events cannot be written", { error: coerceError(thrown) });
      }
    }
    this.#working = undefined;
  }

  async #tryTo(write: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      this.#stopped.signal.throwIfAborted();
      try {
        await write();
        return;
      } catch (thrown) {
        if (tries >= triesMax || !isKubeFailure(thrown, "unavailable", "tooManyRequests", "unauthorized")) {
          throw thrown;
        }
        const pauseMs = thrown.retryAfterMs ?? firstPauseMs * 2 ** (tries - 1);
        await pause(this.#options.clock, pauseMs, this.#stopped.signal);
      }
    }
  }

  /** Once until one could be written again: a log line for each would be more than the Events themselves. */
  #warn(message: string, fields: Record<string, unknown>): void {
    if (!this.#hasWarned) {
      this.#hasWarned = true;
      this.#options.log.warn(message, fields);
    }
  }

  #eventOf(series: Series, object: Regarding, text: EventText, time: string): unknown {
    const { apiVersion, kind, metadata } = object;
    const { namespace, name, uid, resourceVersion } = metadata as typeof metadata & { resourceVersion?: string };
    return {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: series.name, namespace: series.namespace },
      eventTime: time,
      reportingController,
      reportingInstance: this.#options.instance.slice(0, nameMax),
      type: text.type,
      reason: text.reason.slice(0, nameMax),
      action: text.action.slice(0, nameMax),
      note: cut(text.note, noteBytesMax),
      regarding: { apiVersion, kind, namespace, name, uid, resourceVersion },
    };
  }

  async #post(event: unknown): Promise<void> {
    const { namespace } = (event as { metadata: { namespace: string } }).metadata;
    const path = pathOf(namespace);
    await this.#request({ method: "POST", path, body: event });
  }

  async #writeSeries(series: Series): Promise<void> {
    const { count, lastTime } = series;
    await this.#request({
      method: "PATCH",
      path: `${pathOf(series.namespace)}/${series.name}`,
      contentType: patchTypes.merge,
      body: { series: { count, lastObservedTime: lastTime } },
    });
    series.writtenCount = count;
    series.writtenMs = this.#options.clock.monotonicMs();
  }

  #request(request: Parameters<KubeTransport["request"]>[0]): Promise<unknown> {
    return this.#options.transport.request({ ...request, timeoutMs: requestTimeoutMs, signal: this.#stopped.signal });
  }
}

function pathOf(namespace: string): string {
  return `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}

/** At most `bytes` bytes of UTF-8, whole characters. */
function cut(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  return encoded.length <= bytes
    ? text
    : new TextDecoder().decode(encoded.subarray(0, bytes - 4)).replace(/\uFFFD+$/, "…");
}
