import { monitorEventLoopDelay } from "node:perf_hooks";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { Check } from "./check.ts";

/** How often, in milliseconds, the delay of the event loop is looked at: about as often as a kubelet asks. */
export const windowMs = 30_000;

/**
 * Mean delay of a whole window, in milliseconds, above which the process does not keep up: the Lease's renewals, every 2 s, would come
 * late one after the other, and so would every expiry. One long pause among many short ones does not reach it.
 */
export const meanDelayMaxMs = 1_000;

/** Samples of the delay, in nanoseconds, as `node:perf_hooks` gives them. */
export interface DelaySamples {
  readonly mean: number;
  reset(): void;
  disable(): void;
}

/** Watches whether the event loop gets to its timers in time. */
export class EventLoopWatch implements Check {
  readonly name = "event-loop";
  readonly #clock: Clock;
  readonly #samples: DelaySamples;
  #lastMeanMs = 0;
  #cancel: CancelTimer = () => {};

  constructor(clock: Clock, samples: DelaySamples = startSampling()) {
    this.#clock = clock;
    this.#samples = samples;
    this.#arm();
  }

  failure(): string | undefined {
    return this.#lastMeanMs > meanDelayMaxMs
      ? `timers were ${Math.round(this.#lastMeanMs)} ms late on average`
      : undefined;
  }

  stop(): void {
    this.#cancel();
    this.#samples.disable();
  }

  #arm(): void {
    this.#cancel = this.#clock.after(windowMs, () => {
      // Without a sample the mean is not a number; nothing is known then.
      this.#lastMeanMs = Number.isNaN(this.#samples.mean) ? 0 : this.#samples.mean / 1e6;
      this.#samples.reset();
      this.#arm();
    });
  }
}

function startSampling(): DelaySamples {
  const histogram = monitorEventLoopDelay({ resolution: 20 });
  histogram.enable();
  return histogram;
}
