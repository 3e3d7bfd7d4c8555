import { coerceError, UserError } from "#lib/errors.ts";
import { isFailure } from "../aws/errors.ts";
import { restoreLostStatus } from "../reconcile/grant/lost-status.ts";
import { identityCenterRegions, recoverGrants } from "../reconcile/grant/recovery.ts";
import type { Source } from "../source/source.ts";
import type { ControllerWorld } from "../world.ts";

/** What recovering needs of the world. */
type RecoveringWorld = Pick<ControllerWorld, "ports" | "options" | "log" | "clock">;

/**
 * A state that was never held may have been lost: AWS's own tags say what must be taken up again. Before `source.start`. Rejects with a
 * `UserError` where AWS cannot be asked: without its word, access that was given might be given again.
 */
export async function recoverLostState(source: Source, { ports, options, log, clock }: RecoveringWorld): Promise<void> {
  if (!(await source.isBlank())) {
    return;
  }
  const { installation, region } = options;
  const regions = identityCenterRegions(await source.preview(), region);
  const recovered = await recoverGrants(ports, { installation, regions, now: clock.now() }).catch((thrown: unknown) => {
    throw isFailure(thrown) ? unaskable(thrown) : thrown;
  });
  if (recovered.length > 0) {
    log.warn("state was lost; grants were recovered from the tags of their permission sets", {
      count: recovered.length,
    });
    source.adopt(recovered);
  }
}

/**
 * Grants that lost their status while nobody led get it back before anything is decided about them: one that is being deleted would be let go
 * with its access in place. Where AWS cannot be asked now, the sweep goes on trying.
 */
export async function restoreStatuses(source: Source, { ports, options, log, clock }: RecoveringWorld): Promise<void> {
  const { installation, region } = options;
  const proxies = source.list("Proxy").map(({ object }) => object);
  const lookAround = { installation, regions: identityCenterRegions(proxies, region), now: clock.now() };
  try {
    const count = await restoreLostStatus(source, ports, lookAround);
    if (count > 0) {
      log.warn("Grants had lost their status and got it back from AWS's tags", { count });
    }
  } catch (thrown) {
    log.error("Grants that lost their status could not be looked up in AWS", { error: coerceError(thrown) });
  }
}

function unaskable(failure: Error): UserError {
  return new UserError("AwsUnreadable", "what AWS remembers of this installation cannot be read", {
    why: failure.message,
    next: "Check the controller's AWS credentials and network, and this machine's clock (AWS takes five minutes' difference); then start it again.",
    cause: failure,
  });
}
