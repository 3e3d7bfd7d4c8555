import type { GrantView, Person } from "#wire/control-api.ts";
import { isOwn } from "./standing.ts";

/**
 * The grant with what may be done with it at `nowMs`. A workflow may allow an extension only when part of the time is over; at that moment
 * nothing changes in the grant, so the controller sends no news of it.
 */
export function ripeAt(grant: GrantView, person: Pick<Person, "userName">, nowMs: number): GrantView {
  const { state, extension, actions = [] } = grant;
  const isRipe =
    state === "Active" &&
    extension !== undefined &&
    extension.count < extension.maxCount &&
    Date.parse(extension.fromTime ?? "") <= nowMs;
  return isRipe && isOwn(grant, person) && !actions.includes("extend")
    ? { ...grant, actions: [...actions, "extend"] }
    : grant;
}
