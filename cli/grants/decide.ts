import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import type { ReviewRequest } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import { type Invocation, isSet, valueOf, type World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { ControlFailure } from "../control/failure.ts";
import { approvalProgress } from "../rds/approval-text.ts";
import { signedIn } from "../signin/signed-in.ts";
import { findGrant, handleOf, typedGrant } from "./find.ts";
import { reviewScreen } from "./screen.ts";

type DecisionKind = ReviewRequest["decision"];

/** Approves or denies: shows what it is, has it confirmed, and sends the digest of exactly that. */
export async function decide(invocation: Invocation, decision: DecisionKind): Promise<number> {
  const { world } = invocation;
  const typed = typedGrant(invocation);
  const comment = valueOf(invocation, "comment");
  return signedIn(world, async ({ control }) => {
    const grant = await findGrant(control, typed, world);
    const digest = digestToDecide(grant, decision);
    world.output.event("REVIEW", reviewScreen(grant), { grant });
    if (!isSet(invocation, "yes")) {
      const { confirm } = await import("../output/prompt.ts");
      if (!(await confirm(world, `${decision} this`, "Run it again with --yes."))) {
        throw new UserError("Cancelled", "cancelled operation", { why: "nothing was decided" });
      }
    }
    const review = { decision, digest, ...defined({ step: valueOf(invocation, "step"), comment }) };
    const after = await send(control, grant, review, world);
    world.output.result(after, () => outcomeText(after, decision));
    return 0;
  });
}

/** The digest that the review will name. Throws where the grant does not wait for this person's word. */
function digestToDecide(grant: GrantView, decision: DecisionKind): string {
  const action = decision === "Approve" ? "approve" : "deny";
  const mayDecide = grant.actions === undefined || grant.actions.includes(action);
  if (grant.digest !== undefined && mayDecide) {
    return grant.digest;
  }
  const isWaiting = grant.state === "PendingApproval";
  throw new UserError("NotWaiting", `${handleOf(grant)} does not wait for you to ${action} it`, {
    why: isWaiting
      ? approvalProgress(grant) || "a step names neither you nor a group of yours, or you decided already"
      : `it is ${grant.state}${grant.message === "" ? "" : `: ${grant.message}`}`,
    next: "sallyport reviews",
  });
}

async function send(control: ControlClient, grant: GrantView, review: ReviewRequest, world: World): Promise<GrantView> {
  try {
    return await control.post<GrantView>(`/v1/grants/${grant.grantID}/review`, review, { signal: world.signal });
  } catch (error) {
    if (error instanceof ControlFailure && error.status === 409 && error.next === "") {
      // It changed between what was shown and what was sent: what it is now must be seen first.
      const { status, code, message, why } = error;
      throw new ControlFailure(status, code, message, { why, next: `sallyport grants get ${grant.grantID}` });
    }
    throw error;
  }
}

function outcomeText(grant: GrantView, decision: DecisionKind): string {
  const what = `${grant.userName}'s ${grant.role} access to ${grant.database}`;
  if (decision === "Deny") {
    return `Denied: ${what}`;
  }
  const waits = grant.state === "PendingApproval" ? approvalProgress(grant) : "";
  return `Approved: ${what}${waits === "" ? "" : ` (${waits})`}`;
}
