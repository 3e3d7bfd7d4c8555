import type { Grant } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { isNamedAs } from "../../reconcile/grant/names.ts";
import { HttpProblem } from "../route.ts";
import { isOpen } from "./grant-view.ts";

/**
 * Grants that one person may have asked for and that are not over, windows to come among them. Each becomes a permission set of the 2,000
 * that Identity Center has (IAM Identity Center quotas), so that nobody takes them all; a person works with some ten at a time.
 */
export const openRequestsMax = 50;
/** Requests of one person in an hour: each is an object that stays when it is over. More than one a minute is a program gone wrong. */
export const requestsPerHourMax = 100;
const hourMs = 3_600_000;

/** Refuses one more request of a person who has asked for too much. Throws 429. */
export function assertMayAskMore(userName: string, grants: readonly Grant[], now: EpochMs): void {
  const own = grants.filter(({ spec }) => isNamedAs(spec.requester?.username ?? "", userName));
  const open = own.filter(isOpen).length;
  if (open >= openRequestsMax) {
    throw new HttpProblem(429, "TooManyOpenRequests", `${open} grants that you asked for are not over`, {
      next: "Cancel or end those that you do not need: sallyport revoke",
    });
  }
  const recent = own.filter(({ status }) => {
    // One without a time has only just been made.
    const asked = status?.requestTime === undefined ? now : Date.parse(status.requestTime);
    return asked > now - hourMs;
  }).length;
  if (recent >= requestsPerHourMax) {
    throw new HttpProblem(429, "TooManyRequests", `you asked for access ${recent} times within an hour`, {
      next: "Try again later.",
    });
  }
}
