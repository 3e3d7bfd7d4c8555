import { pause } from "#lib/clock.ts";
import type { GrantList, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { ControlFailure, isTransient } from "../control/failure.ts";

/** Pace of looking while something is about to happen, and after that has gone on for a while. */
export const pollMs = 1_000;
export const pollSlowlyMs = 5_000;
const pollSlowlyAfterMs = 30_000;

/**
 * A grant as it changes, for as long as somebody reads. Follows the control API's watch where it has one, else looks again and again. A
 * controller that restarts does not end it; other failures reject.
 */
export async function* followGrant(
  control: ControlClient,
  grant: GrantView,
  world: World,
): AsyncGenerator<GrantView, never, void> {
  const startedMs = world.clock.monotonicMs();
  let current = grant;
  let hasWatch = true;
  for (;;) {
    const isLong = world.clock.monotonicMs() - startedMs > pollSlowlyAfterMs;
    await pause(world.clock, isLong ? pollSlowlyMs : pollMs, world.signal);
    try {
      // The grant has an ID once the controller has looked at it; until then it is found by its name.
      if (current.grantID !== "" && hasWatch) {
        for await (const view of watch(control, current.grantID, world.signal)) {
          current = view;
          yield view;
        }
        continue;
      }
      current = await look(control, current, world.signal);
      yield current;
    } catch (error) {
      if (error instanceof ControlFailure && error.status === 404 && error.code === "NotFound") {
        hasWatch = false;
      } else if (!isTransient(error)) {
        throw error;
      }
    }
  }
}

async function* watch(control: ControlClient, grantID: string, signal: AbortSignal): AsyncGenerator<GrantView> {
  for await (const line of control.stream<Partial<GrantView>>(`/v1/grants/${grantID}/watch`, signal)) {
    // A heartbeat is an empty object.
    if (line.grantID !== undefined) {
      yield line as GrantView;
    }
  }
}

async function look(control: ControlClient, grant: GrantView, signal: AbortSignal): Promise<GrantView> {
  if (grant.grantID !== "") {
    return await control.get<GrantView>(`/v1/grants/${grant.grantID}`, { signal });
  }
  const { items } = await control.get<GrantList>("/v1/grants", { signal });
  return items.find((item) => item.namespace === grant.namespace && item.name === grant.name) ?? grant;
}
