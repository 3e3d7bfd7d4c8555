import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import type { ReviewRequest } from "#wire/approval.ts";
import type { GrantView, Me } from "#wire/control-api.ts";
import { type Invocation, isSet, valueOf, type World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { ControlFailure } from "../control/failure.ts";
import { approvalProgress } from "../rds/approval-text.ts";
import { signedIn } from "../signin/signed-in.ts";
import { followUntil } from "./follow.ts";
import { findGrant, handleOf, typedGrant } from "./find.ts";
import { reviewScreen } from "./screen.ts";

/** The controller counts a review within a second; after this long it is told as it stands. */
const countingWaitMs = 10_000;

type DecisionKind = ReviewRequest["decision"];

/** Approves or denies: shows what it is, has it confirmed, and sends the digest of exactly that. */
export async function decide(invocation: Invocation, decision: DecisionKind): Promise<number> {
  const { world } = invocation;
  const typed = typedGrant(invocation);
  const comment = valueOf(invocation, "comment");
  return signedIn(world, async ({ control }) => {
    const grant = await findGrant(control, typed, world);
    const digest = await digestToDecide(control, grant, decision, world);
    world.output.event("REVIEW", reviewScreen(grant), { grant });
    if (!isSet(invocation, "yes")) {
      const { confirm } = await import("../output/prompt.ts");
      if (!(await confirm(world, `${decision} this`, "Run it again with --yes."))) {
        throw new UserError("Cancelled", "cancelled operation", { why: "nothing was decided" });
      }
    }
    const review = { decision, digest, ...defined({ step: valueOf(invocation, "step"), comment }) };
    const sent = await send(control, grant, review, world);
    const isDone = (view: GrantView): boolean =>
      view.state !== "PendingApproval" || decisionsOf(view) > decisionsOf(grant);
    const { grant: after } = await followUntil(control, sent, { isDone, timeoutMs: countingWaitMs }, world);
    if (decisionsOf(after, decision) <= decisionsOf(grant, decision)) {
      throw notCounted(after, decision);
    }
    world.output.result(after, () => outcomeText(after, decision));
    return 0;
  });
}

/** Decisions that count so far. */
function decisionsOf({ approval }: GrantView, kind?: DecisionKind): number {
  const all = (approval?.steps ?? []).flatMap(({ decisions }) => decisions);
  return all.filter(({ decision }) => kind === undefined || decision === kind).length;
}

/** The controller took the review, and somebody else's came first, or it does not count: nobody is told that it did. */
function notCounted(grant: GrantView, decision: DecisionKind): UserError {
  const word = decision === "Deny" ? "denial" : "approval";
  const isOpen = grant.state === "PendingApproval";
  return new UserError(
    "NotCounted",
    `your ${word} was sent, and ${isOpen ? "has not counted so far" : "did not count"}`,
    {
      why: `${handleOf(grant)} is ${grant.state}${grant.message === "" ? "" : `: ${grant.message}`}`,
      next: isOpen || decision === "Approve" ? "sallyport reviews" : `sallyport revoke ${handleOf(grant)}`,
    },
  );
}

/** The digest that the review will name. Throws where the grant does not wait for this person's word. */
async function digestToDecide(
  control: ControlClient,
  grant: GrantView,
  decision: DecisionKind,
  world: World,
): Promise<string> {
  const action = decision === "Approve" ? "approve" : "deny";
  const mayDecide = grant.actions === undefined || grant.actions.includes(action);
  if (grant.digest !== undefined && mayDecide) {
    return grant.digest;
  }
  throw new UserError("NotWaiting", `${handleOf(grant)} does not wait for you to ${action} it`, {
    why:
      grant.state === "PendingApproval"
        ? await whyNotYou(control, grant, world)
        : `it is ${grant.state}${grant.message === "" ? "" : `: ${grant.message}`}`,
    next: "sallyport reviews",
  });
}

async function whyNotYou(control: ControlClient, grant: GrantView, { signal }: World): Promise<string> {
  const { userName } = await control.get<Me>("/v1/me", { signal });
  const isOwn = [grant.userName, grant.requester].some((name) => name?.toLowerCase() === userName.toLowerCase());
  const waits = approvalProgress(grant);
  const isFor = waits === "" ? "" : ` (${waits})`;
  return isOwn
    ? `it is your own request, which takes somebody else's word${isFor}`
    : `a step names neither you nor a group of yours, or you decided already${isFor}`;
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
