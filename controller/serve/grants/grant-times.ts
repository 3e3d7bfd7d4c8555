import type { AccessWorkflow } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { HttpProblem } from "../route.ts";

/** Time between the request and the start of its window: Identity Center usually takes seconds, at worst minutes. */
const provisioningAllowanceMs = 15 * 60_000;
/** How long a request may wait for its approval before it can no longer become access. */
const approvalAllowanceMs = 7 * 24 * 3_600_000;
/** How far ahead access may be asked for: whoever approves it must still know why. */
export const scheduleAheadMaxMs = 30 * 24 * 3_600_000;
/** A start that is this little in the past was meant to be now: clocks differ, and people take a moment. */
const startGraceMs = 60_000;

/** When access is to begin: undefined for at once. Throws where that has passed, or is too far ahead. Pure. */
export function startOf(startTime: string | undefined, now: EpochMs): EpochMs | undefined {
  if (startTime === undefined) {
    return undefined;
  }
  const start = Date.parse(startTime);
  if (Number.isNaN(start)) {
    throw new HttpProblem(400, "InvalidInput", "body.startTime: is no instant");
  }
  if (start < now - startGraceMs) {
    throw new HttpProblem(422, "StartTimePassed", `${startTime} has passed`, { next: "Ask for a time to come." });
  }
  if (start > now + scheduleAheadMaxMs) {
    throw new HttpProblem(422, "StartTimeTooFar", `${startTime} is more than 30 days ahead`, {
      next: "Ask again when it is nearer.",
    });
  }
  return start <= now ? undefined : start;
}

/** What a request's last instant follows from. */
export interface Wanted {
  readonly now: EpochMs;
  readonly start: EpochMs | undefined;
  readonly durationSeconds: number;
  readonly waitsForApproval: boolean;
  readonly workflow: AccessWorkflow | undefined;
}

/** The instant that the Grant cannot outlive: the whole window, with every extension that the workflow allows, however late it opens. Pure. */
export function notAfter({ now, start, durationSeconds, waitsForApproval, workflow }: Wanted): EpochMs {
  const { extension } = workflow?.spec ?? {};
  const extensions = (extension?.maxCount ?? 0) * (extension?.durationSeconds ?? durationSeconds);
  const allowanceMs = waitsForApproval ? approvalAllowanceMs : provisioningAllowanceMs;
  return (start ?? now) + (durationSeconds + extensions) * 1_000 + allowanceMs;
}
