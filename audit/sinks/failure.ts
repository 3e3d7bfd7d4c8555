import type { EpochMs } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";

/**
 * Why a delivery failed. `unreachable`: no answer, or one that the next try may not get. `throttled`: the destination asks to be left
 * alone for a while. `refused`: the same will be answered until a person changes something, here or there. None of them drops anything.
 */
export const failureKinds = ["unreachable", "throttled", "refused"] as const;
export type FailureKind = (typeof failureKinds)[number];

/** A delivery that was not confirmed. The message is shown to operators and holds no secret. */
export class SinkFailure extends Error {
  readonly kind: FailureKind;
  /** Not before this many milliseconds from now, where the destination said so (RFC 9110 10.2.3). */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    options: { readonly retryAfterMs?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "SinkFailure";
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whatever a delivery threw, as one of ours. What nobody has classified may pass. */
export function sinkFailure(thrown: unknown): SinkFailure {
  if (thrown instanceof SinkFailure) {
    return thrown;
  }
  const error = coerceError(thrown);
  return new SinkFailure("unreachable", error.message === "" ? error.name : error.message, { cause: error });
}

/** Longest that `Retry-After` is honoured: a destination that says "tomorrow" is asked again within the hour. */
const retryAfterMaxMs = 3_600_000;

/** Milliseconds of a `Retry-After` header: seconds, or a date (RFC 9110 10.2.3). Undefined where it is neither. */
export function retryAfterMs(header: string | null | undefined, nowMs: EpochMs): number | undefined {
  if (header === null || header === undefined || header.trim() === "") {
    return undefined;
  }
  const text = header.trim();
  const delay = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(delay) ? undefined : Math.min(Math.max(delay, 0), retryAfterMaxMs);
}

/**
 * What an HTTP status other than 2xx means for a delivery. 408, 429 and 5xx pass by themselves; 429 and 503 ask for patience. Every other
 * one will be answered again.
 */
export function kindOfStatus(status: number): FailureKind {
  if (status === 429 || status === 503) {
    return "throttled";
  }
  return status === 408 || status >= 500 ? "unreachable" : "refused";
}
