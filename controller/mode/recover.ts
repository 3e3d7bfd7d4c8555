import { identityCenterRegions, recoverGrants } from "../reconcile/grant/recovery.ts";
import type { Source } from "../source/source.ts";
import type { ControllerWorld } from "../world.ts";

/** A state that was never held may have been lost: AWS's own tags say what must be taken up again. Before `source.start`. */
export async function recoverLostState(
  source: Source,
  { ports, options, log, clock }: Pick<ControllerWorld, "ports" | "options" | "log" | "clock">,
): Promise<void> {
  if (!(await source.isBlank())) {
    return;
  }
  const { installation, region } = options;
  const regions = identityCenterRegions(await source.preview(), region);
  const recovered = await recoverGrants(ports, { installation, regions, now: clock.now() });
  if (recovered.length > 0) {
    log.warn("state was lost; grants were recovered from the tags of their permission sets", {
      count: recovered.length,
    });
    source.adopt(recovered);
  }
}
