import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { KubeTransport } from "../kube/transport.ts";
import { lookAtAdmission } from "./look.ts";
import { type IdentityVerdict, judgeAdmission, notLooked } from "./verdict.ts";

/** What the controller knows of who stands behind objects. */
export interface IdentityTrust {
  /** Whether reviews that people make with kubectl count, as of the last look. Before one is counted, `look`. */
  reviewsFromClusterCount(): boolean;
  /** The last verdict, from memory. */
  current(): IdentityVerdict;
  /**
   * A verdict from a look that begins after this call, so that it holds for everything that was seen before it. Looks that are asked for
   * at the same time are one. Where the API server does not answer, the verdict is the last one for at most `verdictMaxMs`.
   */
  look(): Promise<IdentityVerdict>;
  /** Calls when the verdict changes between trusted and not, or its reason does. */
  onChange(told: () => void): void;
  close(): void;
}

/** Milliseconds between looks of their own accord: how late a condition tells that a policy was altered. */
export const lookEveryMs = 60_000;
/** Milliseconds that a verdict outlives the last look that worked: three periods, so that one lost look changes nothing. */
export const verdictMaxMs = 180_000;

/** Folder mode: files prove their pipeline, and nothing has to be looked at. */
export function folderTrust(): IdentityTrust {
  const verdict: IdentityVerdict = { kind: "folder" };
  return {
    reviewsFromClusterCount: () => false,
    current: () => verdict,
    look: () => Promise.resolve(verdict),
    onChange: () => {},
    close: () => {},
  };
}

/** Cluster mode: looks at the policies at once, then every `lookEveryMs`. */
export function clusterTrust(options: {
  readonly transport: KubeTransport;
  /** The controller's own namespace. */
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
}): IdentityTrust {
  return new ClusterTrust(options);
}

class ClusterTrust implements IdentityTrust {
  readonly #options: Parameters<typeof clusterTrust>[0];
  readonly #told = new Set<() => void>();
  readonly #closed = new AbortController();
  #verdict: IdentityVerdict = notLooked;
  #lookedMs: number | undefined;
  /** The look that runs, and the one that waits for it: whoever asks while one runs shares the next. */
  #running: Promise<IdentityVerdict> | undefined;
  #next: Promise<IdentityVerdict> | undefined;
  #cancel: (() => void) | undefined;

  constructor(options: Parameters<typeof clusterTrust>[0]) {
    this.#options = options;
    this.#lookAndWait();
  }

  reviewsFromClusterCount(): boolean {
    return this.#verdict.kind === "trusted";
  }

  current(): IdentityVerdict {
    return this.#verdict;
  }

  look(): Promise<IdentityVerdict> {
    if (this.#running === undefined) {
      this.#running = this.#lookOnce().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.look();
    });
    return this.#next;
  }

  onChange(told: () => void): void {
    this.#told.add(told);
  }

  close(): void {
    this.#cancel?.();
    this.#closed.abort();
  }

  #lookAndWait(): void {
    void this.look().finally(() => {
      if (!this.#closed.signal.aborted) {
        this.#cancel = this.#options.clock.after(lookEveryMs, () => this.#lookAndWait());
      }
    });
  }

  async #lookOnce(): Promise<IdentityVerdict> {
    const { transport, namespace, clock, log } = this.#options;
    try {
      const verdict = judgeAdmission(await lookAtAdmission(transport, namespace, this.#closed.signal));
      this.#lookedMs = clock.monotonicMs();
      this.#take(verdict);
    } catch (thrown) {
      if (this.#closed.signal.aborted) {
        return this.#verdict;
      }
      const error = coerceError(thrown);
      log.warn("the admission policies could not be looked at", { error });
      if (this.#lookedMs === undefined || clock.monotonicMs() - this.#lookedMs > verdictMaxMs) {
        this.#take({
          kind: "untrusted",
          reason: "NotLooked",
          message: `The admission policies could not be looked at: ${error.message}`,
        });
      }
    }
    return this.#verdict;
  }

  #take(verdict: IdentityVerdict): void {
    const before = this.#verdict;
    this.#verdict = verdict;
    if (labelOf(before) === labelOf(verdict)) {
      return;
    }
    if (verdict.kind === "untrusted") {
      this.#options.log.warn("who makes objects in the cluster is not proven", { reason: verdict.reason });
    }
    for (const told of this.#told) {
      told();
    }
  }
}

function labelOf(verdict: IdentityVerdict): string {
  return verdict.kind === "untrusted" ? verdict.reason : verdict.kind;
}
