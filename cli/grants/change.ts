import { UserError } from "#lib/errors.ts";
import type { ExtendRequest } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import { type Invocation, valueOf } from "../command.ts";
import { formatDuration } from "../output/duration.ts";
import { signedIn } from "../signin/signed-in.ts";
import { findGrant, handleOf, typedGrant } from "./find.ts";
import { followUntil } from "./follow.ts";

/** The reconciler takes an extension up within a second; after this long something is wrong, and the person should know. */
const extensionWaitMs = 30_000;

/** `sallyport extend`: asks for one more extension, and says when the grant ends then. */
export async function extendGrant(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const typed = typedGrant(invocation);
  return signedIn(world, async ({ control }) => {
    const before = await findGrant(control, typed, world);
    const { extension } = before;
    if (before.state !== "Active" || extension === undefined) {
      throw new UserError("NotExtendable", `${handleOf(before)} cannot be extended`, {
        why: extension === undefined ? "its workflow allows no extension" : `it is ${before.state}`,
        next: `Ask for access anew: sallyport request ${before.database} ${before.role}`,
      });
    }
    const body: ExtendRequest = { count: extension.count };
    const options = { signal: world.signal };
    const asked = await control.post<GrantView>(`/v1/grants/${before.grantID}/extend`, body, options);
    const { grant } = await followUntil(
      control,
      asked,
      {
        isDone: ({ expiryTime, state }) => expiryTime !== before.expiryTime || state !== "Active",
        timeoutMs: extensionWaitMs,
      },
      world,
    );
    if (grant.expiryTime === before.expiryTime) {
      throw new UserError("NotExtended", `the extension of ${handleOf(grant)} was asked for, and has not come`, {
        why: grant.message,
        next: `sallyport grants get ${handleOf(grant)}`,
      });
    }
    const left = formatDuration((Date.parse(grant.expiryTime ?? "") - world.clock.now()) / 1_000);
    world.output.result(
      grant,
      () => `Extended: ${grant.role} access to ${grant.database} ends at ${grant.expiryTime}, in ${left}`,
    );
    return 0;
  });
}

/** `sallyport revoke`: ends a grant, or cancels one that is pending. */
export async function revokeGrant(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const typed = typedGrant(invocation);
  const reason = valueOf(invocation, "reason") ?? "";
  return signedIn(world, async ({ control }) => {
    const found = await findGrant(control, typed, world);
    if (found.grantID === "") {
      throw new UserError("NotYet", `${handleOf(found)} was asked for a moment ago and has no ID yet`, {
        next: "Run it again in a moment.",
      });
    }
    const body = { reason };
    const options = { signal: world.signal };
    const grant = await control.post<GrantView>(`/v1/grants/${found.grantID}/revoke`, body, options);
    const isPending = found.state === "Pending" || found.state === "PendingApproval" || found.state === "Scheduled";
    world.output.result(grant, () =>
      found.state === "Ended" || found.state === "Refused"
        ? `Grant ${found.grantID} is over already: ${found.endReason ?? found.message}`
        : `Grant ${found.grantID} is being ${isPending ? "cancelled" : "ended"}: ${reason}`,
    );
    return 0;
  });
}
