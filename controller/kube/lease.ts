import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { type Leadership, NotLeading } from "../leadership/leadership.ts";
import { type LeaseObject, type LeaseSpec, nextRenewTime } from "./lease-record.ts";
import { LeaseStore } from "./lease-store.ts";
import { attemptTimeoutMs, type LeaseTimes } from "./lease-times.ts";
import type { KubeTransport } from "./transport.ts";

export interface LeaseOptions {
  readonly transport: Pick<KubeTransport, "request">;
  readonly namespace: string;
  readonly name: string;
  /** Of this process and no other, also after a restart: host name, `_`, a UUID. */
  readonly identity: string;
  /** What the holder says of itself on the Lease, such as where it can be reached. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly times: LeaseTimes;
  readonly clock: Clock;
  /** In [0, 1); jitter. */
  readonly random: () => number;
  readonly log: Log;
}

/** Who holds the Lease, as this replica saw it last. */
export interface LeaseHolder {
  readonly identity: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Tries of standby replicas are spread by up to this part of the retry period. */
const standbyJitter = 0.2;

/** What was seen last, and when it was seen first, by our own clock. */
interface Observation {
  readonly lease: LeaseObject;
  readonly spec: string;
  readonly atMs: number;
}

/**
 * Leader election by a Lease, as client-go does it (tools/leaderelection). Another's lease has ended when it did not change for its
 * duration on our own monotonic clock; the times in it are never compared, so clocks may differ by hours. Ours holds for the renew
 * deadline from the moment at which the last successful renewal was *begun*. While clocks run at rates that differ by less than
 * duration ÷ deadline, no two replicas hold it at once.
 *
 * It leads at most once: a process that has lost the lease must end. It cannot stop a write that is on the network already, nor one
 * of a machine whose monotonic clock stood still (a paused virtual machine): writes are idempotent for that reason.
 */
export class LeaseElector implements Leadership {
  readonly #options: LeaseOptions;
  readonly #store: LeaseStore;
  readonly #listeners = new Set<(isLeading: boolean) => void>();
  readonly #stopping = new AbortController();
  #phase: "standby" | "leading" | "over" = "standby";
  #observed: Observation | undefined;
  #renewedMs = Number.NEGATIVE_INFINITY;
  #attempt: Promise<void> = Promise.resolve();
  #cancelRetry: CancelTimer = () => {};
  #cancelEnd: CancelTimer = () => {};

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#store = new LeaseStore({ ...options, timeoutMs: attemptTimeoutMs(options.times) });
  }

  /** Begins to try; goes on until the lease is lost or `close`. */
  start(): void {
    this.#attempt = this.#try();
  }

  isLeading(): boolean {
    return this.#phase === "leading" && this.#isValid();
  }

  assertLeading(call: string): void {
    if (!this.isLeading()) {
      throw new NotLeading(call);
    }
  }

  onChange(listener: (isLeading: boolean) => void): () => void {
    this.#listeners.add(listener);
    if (this.#phase !== "standby") {
      listener(this.#phase === "leading");
    }
    return () => this.#listeners.delete(listener);
  }

  lastRenewedMs(): number | undefined {
    return this.#phase === "leading" ? this.#renewedMs : undefined;
  }

  /** Who holds the lease; undefined where nobody does, or its holder was not heard of for the lease's duration. */
  holder(): LeaseHolder | undefined {
    const { holderIdentity: identity = "" } = this.#observed?.lease.spec ?? {};
    return identity === "" || this.#hasEnded()
      ? undefined
      : { identity, annotations: this.#observed?.lease.metadata.annotations ?? {} };
  }

  /**
   * Stops trying, and lets the lease go where it is held, so that the next replica need not wait. Call it when nothing that needs the
   * lease is going on any more. Never rejects: a lease that cannot be released ends by itself.
   */
  async close(): Promise<void> {
    const wasLost = this.#phase === "over";
    this.#listeners.clear();
    this.#end("stopping");
    await this.#attempt;
    if (!wasLost) {
      await this.#release();
    }
  }

  async #try(): Promise<void> {
    const begunMs = this.#nowMs();
    const { clock, times, random, log } = this.#options;
    try {
      if (this.#phase === "leading" ? await this.#renew() : await this.#acquire()) {
        this.#confirmed(begunMs);
      }
    } catch (thrown) {
      if (this.#phase !== "over") {
        log.warn("the lease could not be read or written, will try again", { error: coerceError(thrown) });
      }
    }
    if (this.#phase !== "over") {
      const spread = this.#phase === "standby" ? 1 + standbyJitter * random() : 1;
      this.#cancelRetry = clock.after(times.retryPeriodMs * spread, () => this.start());
    }
  }

  /** Takes the lease where it is free or has ended. */
  async #acquire(): Promise<boolean> {
    const lease = await this.#read();
    if (lease === undefined) {
      // Deleted by hand: who held it when it was seen last may hold it until its time is over.
      return this.holder() === undefined && this.#create();
    }
    const { holderIdentity = "" } = lease.spec ?? {};
    const isFree = ["", this.#options.identity].includes(holderIdentity) || this.#hasEnded();
    return isFree && this.#replace(lease, this.#specAfter(lease));
  }

  /** Renews what is held. A conflict may be of somebody who changed a label. */
  async #renew(): Promise<boolean> {
    const known = this.#observed?.lease;
    if (known !== undefined && (await this.#replace(known, this.#specAfter(known)))) {
      return true;
    }
    const lease = await this.#read();
    if (lease === undefined) {
      return this.#create();
    }
    if (lease.spec?.holderIdentity !== this.#options.identity) {
      this.#lost("another replica holds the lease");
      return false;
    }
    return this.#replace(lease, this.#specAfter(lease));
  }

  #specAfter(lease: LeaseObject | undefined): LeaseSpec {
    const { identity, times, clock } = this.#options;
    const { holderIdentity, acquireTime, renewTime, leaseTransitions = 0 } = lease?.spec ?? {};
    const now = nextRenewTime(clock.now(), renewTime);
    const isOurs = holderIdentity === identity;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(times.leaseDurationMs / 1_000),
      acquireTime: isOurs ? (acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: isOurs || lease === undefined ? leaseTransitions : leaseTransitions + 1,
    };
  }

  #confirmed(begunMs: number): void {
    this.#renewedMs = begunMs;
    // One that was acquired too slowly is renewed before anything is done with it.
    if (this.#phase === "over" || (this.#phase === "standby" && !this.#isValid())) {
      return;
    }
    const { clock, times, log, identity } = this.#options;
    this.#cancelEnd();
    this.#cancelEnd = clock.after(begunMs + times.renewDeadlineMs - this.#nowMs(), () =>
      this.#lost("the lease could not be renewed in time"),
    );
    if (this.#phase === "standby") {
      this.#phase = "leading";
      log.info("this replica leads", { identity });
      this.#tell(true);
    }
  }

  #lost(why: string): void {
    if (this.#phase === "leading") {
      this.#end(why);
      this.#options.log.error("the lease is lost", { identity: this.#options.identity, why });
      this.#tell(false);
    }
  }

  #end(why: string): void {
    this.#phase = "over";
    this.#cancelRetry();
    this.#cancelEnd();
    this.#stopping.abort(new Error(why));
  }

  #tell(isLeading: boolean): void {
    for (const listener of this.#listeners) {
      listener(isLeading);
    }
  }

  async #release(): Promise<void> {
    const { log, clock, times, identity } = this.#options;
    const untilMs = this.#nowMs() + times.renewDeadlineMs;
    try {
      // What was being written when the stop came may have been written: a conflict is looked at again.
      while (this.#nowMs() < untilMs) {
        const lease = await this.#store.read();
        if (lease?.spec?.holderIdentity !== identity) {
          return;
        }
        const { leaseTransitions = 0 } = lease.spec;
        const renewTime = nextRenewTime(clock.now(), lease.spec.renewTime);
        const released = { leaseDurationSeconds: 1, acquireTime: renewTime, renewTime, leaseTransitions };
        if ((await this.#store.replace(lease, released)) !== undefined) {
          log.info("the lease is released", { identity });
          return;
        }
      }
    } catch (thrown) {
      log.warn("the lease could not be released; it ends by itself", { error: coerceError(thrown) });
    }
  }

  async #read(): Promise<LeaseObject | undefined> {
    return this.#observe(await this.#store.read(this.#stopping.signal));
  }

  async #create(): Promise<boolean> {
    const created = await this.#store.create(this.#specAfter(undefined), this.#stopping.signal);
    return this.#observe(created) !== undefined;
  }

  async #replace(lease: LeaseObject, spec: LeaseSpec): Promise<boolean> {
    return this.#observe(await this.#store.replace(lease, spec, this.#stopping.signal)) !== undefined;
  }

  #observe(lease: LeaseObject | undefined): LeaseObject | undefined {
    if (lease !== undefined) {
      const spec = JSON.stringify(lease.spec ?? {});
      this.#observed = { lease, spec, atMs: this.#observed?.spec === spec ? this.#observed.atMs : this.#nowMs() };
    }
    return lease;
  }

  /** Whether the lease that was seen last did not change for as long as it says, by our clock. */
  #hasEnded(): boolean {
    if (this.#observed === undefined) {
      return true;
    }
    const { lease, atMs } = this.#observed;
    const seconds = lease.spec?.leaseDurationSeconds;
    const durationMs = seconds === undefined ? this.#options.times.leaseDurationMs : seconds * 1_000;
    return this.#nowMs() >= atMs + durationMs;
  }

  #isValid(): boolean {
    return this.#nowMs() < this.#renewedMs + this.#options.times.renewDeadlineMs;
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
