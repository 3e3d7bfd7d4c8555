import type { GrantGone, GrantView, GrantWatchLine } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { followLines } from "../control/follow.ts";

/** How following one grant ended. */
export interface Followed {
  /** As it was last seen. */
  readonly grant: GrantView;
  /** `done`: as it was waited for. `late`: time ran out. `gone`: nobody may see it any more. */
  readonly end: "done" | "late" | "gone";
}

/** What is waited for. */
export interface FollowOptions {
  readonly isDone: (grant: GrantView) => boolean;
  /** Absent: as long as it takes. */
  readonly timeoutMs?: number;
  /** Called with each view that is not the last. */
  readonly onChange?: (grant: GrantView) => void;
}

/** Follows a grant by the control API's watch until it is as wanted, gone, or time is up. A controller that restarts does not end it. */
export async function followUntil(
  control: ControlClient,
  grant: GrantView,
  { isDone, timeoutMs, onChange }: FollowOptions,
  world: World,
): Promise<Followed> {
  if (isDone(grant)) {
    return { grant, end: "done" };
  }
  onChange?.(grant);
  const late = new AbortController();
  const cancel = timeoutMs === undefined ? () => {} : world.clock.after(timeoutMs, () => late.abort());
  let current = grant;
  try {
    const following = { ...world, signal: AbortSignal.any([world.signal, late.signal]) };
    // Before the controller has looked at a grant, it has no ID; it is then found among all that the person may see.
    const path = grant.grantID === "" ? "/v1/grants/watch" : `/v1/grants/${grant.grantID}/watch`;
    for await (const line of followLines<GrantWatchLine>(control, () => path, following)) {
      if (isGone(line) && current.grantID !== "" && line.grantID === current.grantID) {
        return { grant: current, end: "gone" };
      }
      if (!isView(line) || line.namespace !== grant.namespace || line.name !== grant.name) {
        continue;
      }
      current = line;
      if (isDone(current)) {
        return { grant: current, end: "done" };
      }
      onChange?.(current);
    }
  } catch (error) {
    if (!late.signal.aborted || world.signal.aborted) {
      throw error;
    }
  } finally {
    cancel();
  }
  return { grant: current, end: "late" };
}

/** Whether a line is a grant, and no heartbeat. */
export function isView(line: GrantWatchLine): line is GrantView {
  return "state" in line;
}

/** Whether a line says that a grant is not there any more for its reader. */
export function isGone(line: GrantWatchLine): line is GrantGone {
  return "gone" in line;
}
