import type { Log } from "#lib/log.ts";
import type { AwsFailure } from "../../aws/ports.ts";
import type { Priority } from "../reconciler.ts";

/** How often one of those that fail tries whether AWS is back, in milliseconds: first, and at most after doubling. */
export const probeMinMs = 2_000;
export const probeMaxMs = 30_000;

interface Failing {
  readonly isRevoking: boolean;
  readonly wake: (priority: Priority) => void;
}

interface Domain {
  readonly failing: Map<string, Failing>;
  probeMs: number;
}

/**
 * The Grants that fail for something that is the same for all: a service that does not answer, credentials that have expired,
 * rights that were taken away. One of them tries often; the others back off. As soon as one that failed works again, all are
 * woken, revocations first: a back-off of minutes must not lengthen access beyond the outage.
 */
export class Comeback {
  readonly #domains = new Map<string, Domain>();
  #areCredentialsRefused = false;

  /** The Grant has failed. Answers the milliseconds after which it tries again where it is the one that tries for all. */
  failed(key: string, failure: AwsFailure, accountID: string, failing: Failing, log: Log): number | undefined {
    if (failure.failure === "credentials" && !this.#areCredentialsRefused) {
      this.#areCredentialsRefused = true;
      log.error(
        "AWS does not accept the controller's credentials: nothing can be given or taken away until they are renewed",
        {
          call: failure.call,
          code: failure.code,
        },
      );
    }
    if (!["credentials", "denied", "unavailable"].includes(failure.failure) || failure.code === "OperationFailed") {
      return undefined;
    }
    const name = domainOf(failure, accountID);
    const domain = this.#domains.get(name) ?? { failing: new Map<string, Failing>(), probeMs: probeMinMs };
    this.#domains.set(name, domain);
    domain.failing.set(key, failing);
    if (proberOf(domain) !== key) {
      return undefined;
    }
    const { probeMs } = domain;
    domain.probeMs = Math.min(probeMaxMs, probeMs * 2);
    return probeMs;
  }

  /** A run of the Grant has met no failure. */
  worked(key: string, log: Log): void {
    for (const [name, { failing }] of this.#domains) {
      if (failing.delete(key)) {
        this.#domains.delete(name);
        wakeAll(failing);
        if (this.#areCredentialsRefused) {
          this.#areCredentialsRefused = false;
          log.info("AWS accepts the controller's credentials again");
        }
      }
    }
  }

  /** The Grant is gone. */
  gone(key: string): void {
    for (const [name, { failing }] of this.#domains) {
      failing.delete(key);
      if (failing.size === 0) {
        this.#domains.delete(name);
      }
    }
  }
}

function wakeAll(failing: ReadonlyMap<string, Failing>): void {
  for (const priority of ["revoke", "change"] as const) {
    for (const { isRevoking, wake } of failing.values()) {
      if (isRevoking === (priority === "revoke")) {
        wake(priority);
      }
    }
  }
}

/** The first that takes something away, or else the first. */
function proberOf({ failing }: Domain): string | undefined {
  let first: string | undefined;
  for (const [key, { isRevoking }] of failing) {
    first ??= key;
    if (isRevoking) {
      return key;
    }
  }
  return first;
}

/** Identity Center is one for all; the other services fail for one account at a time. */
function domainOf({ call }: AwsFailure, accountID: string): string {
  const service = call.split(":")[0] ?? "";
  return service === "sso" || service === "identitystore" ? service : `${service} ${accountID}`;
}
