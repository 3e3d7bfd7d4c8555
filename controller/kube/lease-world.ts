import type { CancelTimer, Clock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { KubeFailure } from "./failure.ts";
import { LeaseElector } from "./lease.ts";
import type { LeaseObject } from "./lease-record.ts";
import { type LeaseTimes, leaseTimesDefault } from "./lease-times.ts";
import type { KubeRequest, KubeTransport } from "./transport.ts";

/** What the network does to one request, in milliseconds: until the server acts on it, and from there until its answer is back. */
export interface Delays {
  readonly thereMs: number;
  readonly backMs: number;
  /** The connection is cut before the server acts, or after. */
  readonly cut?: "before" | "after";
}

/** A replica in a world of simulated time. */
export interface SimulatedReplica {
  readonly elector: LeaseElector;
  /** It runs nothing until then (`SIGSTOP`), though its clock goes on. */
  pause(untilMs: number): void;
}

/**
 * One API server with one Lease, and replicas whose clocks run at rates of their own and show any time of day. Nothing happens but in
 * `run`, one event after the other.
 */
export class LeaseWorld {
  #nowMs = 0;
  #order = 0;
  #events: { readonly atMs: number; readonly order: number; readonly happen: () => void; isCancelled: boolean }[] = [];
  #revision = 0;
  readonly replicas: LeaseElector[] = [];
  /** The Lease on the server. */
  lease: LeaseObject | undefined;
  /** How the network treats the next request. */
  delays: () => Delays = () => ({ thereMs: 1, backMs: 1 });
  /** Called after every event. */
  afterEach: (nowMs: number) => void = () => {};

  get nowMs(): number {
    return this.#nowMs;
  }

  /** `rate`: milliseconds that its clocks advance per millisecond. `wallMs`: what its wall clock shows at the beginning. */
  replica(name: string, rate = 1, wallMs = 0, times: LeaseTimes = leaseTimesDefault): SimulatedReplica {
    let pausedUntilMs = 0;
    const local = (happen: () => void, afterMs: number): CancelTimer =>
      this.#at(this.#nowMs + Math.max(0, afterMs), () => {
        if (this.#nowMs < pausedUntilMs) {
          local(happen, pausedUntilMs - this.#nowMs);
        } else {
          happen();
        }
      });
    const clock: Clock = {
      now: () => wallMs + this.#nowMs * rate,
      monotonicMs: () => this.#nowMs * rate,
      after: (delayMs, fire) => local(fire, delayMs / rate),
    };
    const transport: Pick<KubeTransport, "request"> = {
      request: <T>(request: KubeRequest) => this.#request(request, local) as Promise<T>,
    };
    const elector = new LeaseElector({
      transport,
      namespace: "sallyport",
      name: "sallyport",
      identity: name,
      annotations: { "sallyport.dev/peer": name },
      times,
      clock,
      random: () => 0.5,
      log: silentLog,
    });
    this.replicas.push(elector);
    return {
      elector,
      pause: (untilMs) => {
        pausedUntilMs = untilMs;
      },
    };
  }

  /** Changes the Lease on the server, as somebody with kubectl does. */
  alter(change: (lease: LeaseObject) => LeaseObject): void {
    if (this.lease !== undefined) {
      this.#store(change(this.lease));
    }
  }

  /** How many replicas would write to AWS if they were asked now. */
  leading(): number {
    return this.replicas.filter((replica) => replica.isLeading()).length;
  }

  /** Lets everything happen up to that moment. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      this.#events = this.#events.filter(({ isCancelled }) => !isCancelled);
      const next = this.#events.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = untilMs;
        this.afterEach(untilMs);
        return;
      }
      this.#events = this.#events.filter((event) => event !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.happen();
      this.afterEach(this.#nowMs);
    }
  }

  #at(atMs: number, happen: () => void): CancelTimer {
    this.#order += 1;
    const event = { atMs, order: this.#order, happen, isCancelled: false };
    this.#events.push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  /** The server acts when the request arrives, also where nobody waits for the answer any more. */
  #request(request: KubeRequest, local: (happen: () => void, afterMs: number) => CancelTimer): Promise<unknown> {
    const { thereMs, backMs, cut } = this.delays();
    return new Promise((resolve, reject) => {
      const unavailable = (): void => reject(new KubeFailure("unavailable", "no answer"));
      const cancelTimeout = local(unavailable, request.timeoutMs ?? 30_000);
      request.signal?.addEventListener("abort", () => reject(request.signal?.reason as Error), { once: true });
      this.#at(this.#nowMs + thereMs, () => {
        let answer = unavailable;
        if (cut !== "before") {
          try {
            const found = structuredClone(this.#serve(request));
            answer = () => resolve(found);
          } catch (error) {
            answer = () => reject(error as Error);
          }
        }
        local(() => {
          cancelTimeout();
          (cut === undefined ? answer : unavailable)();
        }, backMs);
      });
    });
  }

  #serve({ method, body }: KubeRequest): LeaseObject {
    const sent = body as LeaseObject;
    if (method === "POST") {
      if (this.lease !== undefined) {
        throw new KubeFailure("alreadyExists", "there is one");
      }
      return this.#store(sent);
    }
    if (this.lease === undefined) {
      throw new KubeFailure("notFound", "there is none");
    }
    if (method === "GET") {
      return this.lease;
    }
    if (sent.metadata.resourceVersion !== this.lease.metadata.resourceVersion) {
      throw new KubeFailure("conflict", "somebody was first");
    }
    return this.#store(sent);
  }

  #store(sent: LeaseObject): LeaseObject {
    this.#revision += 1;
    this.lease = structuredClone({ ...sent, metadata: { ...sent.metadata, resourceVersion: String(this.#revision) } });
    return this.lease;
  }
}
