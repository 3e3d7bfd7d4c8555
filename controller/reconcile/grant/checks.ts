import { getCondition, type Grant, type Proxy } from "#kinds/index.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";
import { driftCheckPeriodSecondsDefault } from "./decide-live.ts";
import { phaseOf } from "./phase.ts";

/** Calls to Identity Center of one look in depth: tags, assignments, policy. */
export const callsPerLook = 3;
/**
 * Calls a second that looks in depth at all live grants may take together, of the 20 that Identity Center allows. With more than 400
 * live grants at the default period each is looked at in depth less often: 2,000 every 25 minutes. Between those, one listing
 * for each account and 100 sets tells every period whether set and assignment are still there.
 */
export const checkCallsPerSecond = 4;

/**
 * Looks that go on at a time. Their calls wait until nobody else wants to call, so more would hold all workers while new grants need
 * them. Two fill what the calls of one at a time leave open.
 */
export const looksAtATimeMax = 2;
/** How much later a look is tried again that found as many going on, in milliseconds: half of it to one and a half. */
export const lookLaterMs = 10_000;

/** What kind of look at AWS a live Grant is due for. */
export type DueLook = "no" | "listing" | "full";

interface Looked {
  /** Monotonic milliseconds. */
  checkedMs: number;
  fullMs: number;
}

/** When live Grants were last looked at, by the monotonic clock. */
export class Checks {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #byUID = new Map<string, Looked>();
  readonly #looking = new Set<string>();

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** What the Grant is due for at `now`, and when it was last looked at. `isAsked`: a person wants a look at once. */
  due(grant: Grant, proxy: Proxy | undefined, now: EpochMs, isAsked: boolean): { look: DueLook; checkedAt?: EpochMs } {
    const periodMs = (proxy?.spec.driftCheckPeriodSeconds ?? driftCheckPeriodSecondsDefault) * 1_000;
    const nowMs = this.#clock.monotonicMs();
    const known = this.#byUID.get(uidOf(grant)) ?? this.#assumed(grant, periodMs, nowMs);
    if (known === undefined) {
      return { look: "full" };
    }
    const checkedAt = now - (nowMs - known.checkedMs);
    if (isAsked || isAdrift(grant)) {
      return { look: "full", checkedAt };
    }
    if (now < checkedAt + periodMs) {
      return { look: "no", checkedAt };
    }
    return { look: nowMs >= known.fullMs + this.#fullPeriodMs(periodMs) ? "full" : "listing", checkedAt };
  }

  /**
   * Takes one of the places for looks, to be given back with `end`. Answers undefined where the look may begin, and otherwise how long to
   * wait, in milliseconds. What a person has asked for, or what is known to be adrift, never waits.
   */
  begin(grant: Grant, proxy: Proxy | undefined, now: EpochMs, isAsked: boolean): number | undefined {
    const isUrgent = isAsked || isAdrift(grant);
    if (isUrgent || this.due(grant, proxy, now, isAsked).look === "no") {
      return undefined;
    }
    if (this.#looking.size >= looksAtATimeMax) {
      return lookLaterMs * (0.5 + this.#random());
    }
    this.#looking.add(uidOf(grant));
    return undefined;
  }

  /** The look is over, if there was one. */
  end(grant: Grant): void {
    this.#looking.delete(uidOf(grant));
  }

  /** The Grant was looked at just now. */
  looked(grant: Grant, look: DueLook): void {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#byUID.get(uidOf(grant));
    const fullMs = look === "full" ? nowMs : (known?.fullMs ?? nowMs);
    this.#byUID.set(uidOf(grant), { checkedMs: nowMs, fullMs });
  }

  /** Something of it was changed, or it is over: the next look is due at once. */
  forget(grant: Grant): void {
    this.#byUID.delete(uidOf(grant));
  }

  /** The more are live, the longer it takes to look at all of them in depth. */
  #fullPeriodMs(periodMs: number): number {
    return Math.max(periodMs, (this.#byUID.size * callsPerLook * 1_000) / checkCallsPerSecond);
  }

  /**
   * After a start, Grants that were well are looked at when their turn would have come, spread over the period: thousands at
   * once would keep everything else from AWS for minutes.
   */
  #assumed(grant: Grant, periodMs: number, nowMs: number): Looked | undefined {
    if (phaseOf(grant) !== "Live" || isTroubled(grant)) {
      return undefined;
    }
    const phase = this.#random();
    const looked = { checkedMs: nowMs - phase * periodMs, fullMs: nowMs - phase * periodMs };
    this.#byUID.set(uidOf(grant), looked);
    return looked;
  }
}

function isTroubled(grant: Grant): boolean {
  return getCondition(grant.status?.conditions, "Ready")?.status !== "True";
}

function isAdrift(grant: Grant): boolean {
  return getCondition(grant.status?.conditions, "Ready")?.reason === "DriftDetected";
}

function uidOf({ metadata }: Grant): string {
  return metadata.uid ?? "";
}
