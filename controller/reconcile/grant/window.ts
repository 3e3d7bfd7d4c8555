import type { Grant, GrantSpec, GrantStatus } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";

/** The live window of an activated Grant. */
export interface Window {
  readonly activation: EpochMs;
  readonly expiry: EpochMs;
  /** Extensions that are part of it. */
  readonly extensionCount: number;
}

/** The window that an activation at `activation` opens: `min(activation + duration, notAfterTime)` (DESIGN section 2). */
export function openWindow(activation: EpochMs, spec: Pick<GrantSpec, "durationSeconds" | "notAfterTime">): Window {
  const expiry = Math.min(activation + spec.durationSeconds * 1_000, Date.parse(spec.notAfterTime));
  return { activation, expiry, extensionCount: 0 };
}

/** The window as it should be by now, and what was asked of it and not given. */
export interface WindowDecision {
  readonly window: Window;
  /** Sentence for the person when more extensions are asked for than the workflow allows. */
  readonly refusal: string | undefined;
  /** When the next extension that is asked for counts, where the workflow lets it count only later. */
  readonly earlyUntil: EpochMs | undefined;
}

/**
 * Follows spec within what was approved: a lowered duration or an earlier notAfterTime shortens the window; a raised
 * extensionCount, or an extension asked for through the control API, lengthens it by the pinned rule of the workflow. Undefined for a Grant
 * that is not activated. Nothing else ever lengthens it.
 * @param now for the rule that an extension counts only once a part of the period is over
 */
export function followWindow(grant: Grant, now: EpochMs): WindowDecision | undefined {
  const { spec, status } = grant;
  const stored = storedWindow(status);
  if (stored === undefined) {
    return undefined;
  }
  const extension = status?.workflow?.extension;
  const asked = askedExtensions(grant);
  const allowed = Math.min(asked, extension?.maxCount ?? 0);
  const next = allowed > stored.extensionCount ? nextExtensionTime(grant) : undefined;
  const isEarly = next !== undefined && now < next;
  // Each extension waits for its own share of the period that the one before it began.
  const most = next === undefined ? allowed : stored.extensionCount + (isEarly ? 0 : 1);
  const extensionCount = Math.max(stored.extensionCount, Math.min(allowed, most));
  const extendedMs = extensionCount * (extension?.durationSeconds ?? 0) * 1_000;
  const byDuration = stored.activation + spec.durationSeconds * 1_000 + extendedMs;
  const capped = Math.min(byDuration, Date.parse(spec.notAfterTime));
  const expiry = extensionCount > stored.extensionCount ? capped : Math.min(stored.expiry, capped);
  return {
    window: { activation: stored.activation, expiry, extensionCount },
    refusal: asked <= allowed ? undefined : extensionRefusal(asked, extension?.maxCount),
    earlyUntil: isEarly ? next : undefined,
  };
}

/** Extensions that were asked for by now, in the text of the Grant or through the control API. */
export function askedExtensions({ spec, status }: Grant): number {
  return Math.max(spec.extensionCount ?? 0, status?.extendRequest?.count ?? 0);
}

/** From when on the next extension counts; undefined where the workflow asks for no wait, or nothing is live. */
export function nextExtensionTime({ spec, status }: Grant): EpochMs | undefined {
  const { afterPercent, durationSeconds } = status?.workflow?.extension ?? {};
  const stored = storedWindow(status);
  if (stored === undefined || afterPercent === undefined) {
    return undefined;
  }
  const lastMs = (stored.extensionCount === 0 ? spec.durationSeconds : (durationSeconds ?? 0)) * 1_000;
  const begun = Math.max(stored.activation, stored.expiry - lastMs);
  return begun + ((stored.expiry - begun) * afterPercent) / 100;
}

function extensionRefusal(asked: number, maxCount: number | undefined): string {
  return maxCount === undefined
    ? "The workflow does not allow access to be extended; the window stays as it is."
    : `The workflow allows ${maxCount} extensions; ${asked} were asked for. The window stays as it is.`;
}

/**
 * When the live access of the Grant ends by what is known now: what was recorded, or earlier where spec has been lowered
 * since. An extension counts only once it is recorded, so that one that comes too late revives nothing.
 */
export function currentExpiry(grant: Grant): EpochMs | undefined {
  const stored = storedWindow(grant.status);
  // Only what shortens counts here, and no time of day does that.
  const followed = followWindow(grant, 0)?.window;
  return stored === undefined || followed === undefined ? undefined : Math.min(stored.expiry, followed.expiry);
}

/**
 * From when on the access counts as about to end: as long before it as sessions are warned. Undefined for a window that is no longer than
 * that, whose person has just been told when it ends.
 */
export function expiryNoticeTime(
  { activation, expiry }: Pick<Window, "activation" | "expiry">,
  warnBeforeEndMs: number,
): EpochMs | undefined {
  return expiry - activation <= warnBeforeEndMs ? undefined : expiry - warnBeforeEndMs;
}

/** The window in status, undefined before activation. */
export function storedWindow(status: GrantStatus | undefined): Window | undefined {
  const { activationTime, expiryTime, extensionCount = 0 } = status ?? {};
  return activationTime === undefined || expiryTime === undefined
    ? undefined
    : { activation: Date.parse(activationTime), expiry: Date.parse(expiryTime), extensionCount };
}

/** RFC 3339 in UTC, whole milliseconds. */
export function formatTime(time: EpochMs): string {
  return new Date(time).toISOString();
}
