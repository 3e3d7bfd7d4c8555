import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { LinkGrant } from "#wire/link.ts";

/** Why a grant is over on this proxy. */
export interface GrantEnd {
  readonly kind: "expired" | "revoked";
  /** A sentence for the person. */
  readonly message: string;
}

/** One grant as this proxy enforces it. */
export interface GrantEntry {
  readonly grant: LinkGrant;
  /** When it ends, by the monotonic clock. */
  readonly endsAtMs: number;
  /** Set once, never taken back. */
  readonly end?: GrantEnd;
}

/** Hears what happens to grants. */
export interface GrantListener {
  onEnd(entry: GrantEntry & { readonly end: GrantEnd }): void;
  /** A grant is new, or its end moved. */
  onLive?(entry: GrantEntry): void;
}

/**
 * Ended grants that are remembered, so that no late message revives one. The controller repeats those of the last day; this
 * is many days of a busy proxy, at about 1 KiB each at most 20 MiB.
 */
export const endedRememberedMax = 20_000;

/**
 * The grants of this proxy. Each ends by the monotonic clock, whether or not the controller can be reached and whatever the wall
 * clock does. Ended is final; only a higher epoch moves an end later.
 */
export class GrantTable {
  readonly #clock: Clock;
  readonly #entries = new Map<string, GrantEntry>();
  readonly #timers = new Map<string, CancelTimer>();
  readonly #ended: string[] = [];
  readonly #listeners = new Set<GrantListener>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  listen(listener: GrantListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The grant as it stands now. One whose time is over counts as ended even before its timer fired. */
  get(grantID: string): GrantEntry | undefined {
    const entry = this.#entries.get(grantID);
    if (entry !== undefined && entry.end === undefined && entry.endsAtMs <= this.#clock.monotonicMs()) {
      this.#expire(grantID);
      return this.#entries.get(grantID);
    }
    return entry;
  }

  /** Milliseconds that are left; 0 for an unknown or ended grant. */
  remainingMs(grantID: string): number {
    const entry = this.get(grantID);
    return entry === undefined || entry.end !== undefined ? 0 : Math.max(0, entry.endsAtMs - this.#clock.monotonicMs());
  }

  live(): readonly GrantEntry[] {
    return [...this.#entries.values()].filter((entry) => entry.end === undefined);
  }

  /** All grants there are: one that is missing is over. */
  applySnapshot(grants: readonly LinkGrant[]): void {
    const named = new Set(grants.map((grant) => grant.grantID));
    for (const { grant } of this.live()) {
      if (!named.has(grant.grantID)) {
        this.#end(grant.grantID, { kind: "revoked", message: "this access was revoked" });
      }
    }
    for (const grant of grants) {
      this.apply(grant);
    }
  }

  /** One grant's news, which may be old news. */
  apply(grant: LinkGrant): void {
    const known = this.#entries.get(grant.grantID);
    if (known?.end !== undefined) {
      return;
    }
    if (grant.state === "ended" || !(grant.remainingMs > 0)) {
      this.#entries.set(grant.grantID, known ?? { grant, endsAtMs: this.#clock.monotonicMs() });
      this.#end(grant.grantID, endOf(grant));
      return;
    }
    if (known !== undefined && grant.epoch < known.grant.epoch) {
      return;
    }
    const told = this.#clock.monotonicMs() + grant.remainingMs;
    const endsAtMs = known !== undefined && grant.epoch === known.grant.epoch ? Math.min(told, known.endsAtMs) : told;
    const entry: GrantEntry = { grant, endsAtMs };
    this.#entries.set(grant.grantID, entry);
    this.#timers.get(grant.grantID)?.();
    this.#timers.set(
      grant.grantID,
      this.#clock.after(endsAtMs - this.#clock.monotonicMs(), () => this.#expire(grant.grantID)),
    );
    for (const listener of this.#listeners) {
      listener.onLive?.(entry);
    }
  }

  #expire(grantID: string): void {
    const entry = this.#entries.get(grantID);
    if (entry === undefined) {
      return;
    }
    const leftMs = entry.endsAtMs - this.#clock.monotonicMs();
    if (leftMs > 0) {
      // A timer may fire a fraction of a millisecond early.
      this.#timers.set(
        grantID,
        this.#clock.after(leftMs, () => this.#expire(grantID)),
      );
      return;
    }
    this.#end(grantID, { kind: "expired", message: "this access has expired" });
  }

  #end(grantID: string, end: GrantEnd): void {
    const entry = this.#entries.get(grantID);
    if (entry === undefined || entry.end !== undefined) {
      return;
    }
    this.#timers.get(grantID)?.();
    this.#timers.delete(grantID);
    const ended = { ...entry, end };
    this.#entries.set(grantID, ended);
    this.#ended.push(grantID);
    if (this.#ended.length > endedRememberedMax) {
      this.#entries.delete(this.#ended.shift() ?? "");
    }
    for (const listener of this.#listeners) {
      listener.onEnd(ended);
    }
  }
}

function endOf(grant: LinkGrant): GrantEnd {
  const kind = grant.end ?? (grant.state === "ended" ? "revoked" : "expired");
  const told = grant.endReason?.trim();
  const message = kind === "expired" ? "this access has expired" : "this access was revoked";
  return { kind, message: told ? `${message}: ${told}` : message };
}
