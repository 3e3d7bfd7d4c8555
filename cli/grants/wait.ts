import { printable } from "#audit/text.ts";
import { assertNever, UserError } from "#lib/errors.ts";
import type { GrantView } from "#wire/control-api.ts";
import { type Invocation, valueOf } from "../command.ts";
import { parseDuration } from "../output/duration.ts";
import { approvalProgress, decisionText } from "../rds/approval-text.ts";
import { signedIn } from "../signin/signed-in.ts";
import { findGrant, handleOf, typedGrant } from "./find.ts";
import { followUntil } from "./follow.ts";

/** What `sallyport wait` can wait for. */
export type WaitCondition = "approved" | "active" | "ended";

/** Whether a grant is as waited for, will never be, or may still become so. Pure. */
export function waitVerdict(grant: GrantView, condition: WaitCondition): "met" | "never" | "waits" {
  const isOver = grant.state === "Ended" || grant.state === "Refused";
  const isEnding = isOver || grant.state === "Revoking";
  switch (condition) {
    case "approved":
      if (grant.approval?.state === "Approved" || grant.state === "Active" || grant.state === "Provisioning") {
        return "met";
      }
      return isEnding || grant.approval?.state === "Denied" ? "never" : "waits";
    case "active":
      return grant.state === "Active" ? "met" : isEnding ? "never" : "waits";
    case "ended":
      return isOver ? "met" : "waits";
    default:
      return assertNever(condition);
  }
}

/** Waits as typed. 0: it is so; 1: it never will be, or not in time. */
export async function waitForGrant(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const typed = typedGrant(invocation);
  const condition = (valueOf(invocation, "for") ?? "active") as WaitCondition;
  const timeoutMs = timeoutOf(valueOf(invocation, "timeout"));
  return signedIn(world, async ({ control }) => {
    const found = await findGrant(control, typed, world);
    let said = "";
    const { grant, end } = await followUntil(
      control,
      found,
      {
        isDone: (view) => waitVerdict(view, condition) !== "waits",
        onChange: (view) => {
          const text = approvalProgress(view) || view.message;
          if (text !== "" && text !== said) {
            said = text;
            world.output.note(printable(`${view.state}: ${text}`));
          }
        },
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      },
      world,
    );
    const isMet = waitVerdict(grant, condition) === "met" || (end === "gone" && condition === "ended");
    if (!isMet) {
      throw end === "late" ? notInTime(grant, condition) : neverMet(grant, condition);
    }
    world.output.result(grant, () => `${handleOf(grant)} is ${condition}: ${what(grant)}, ${grant.state}`);
    return 0;
  });
}

/** `0` looks once, as kubectl wait does. */
function timeoutOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : /^0s?$/.test(text) ? 0 : parseDuration(text) * 1_000;
}

function what({ role, database, userName }: GrantView): string {
  return `${role} access to ${database} for ${userName}`;
}

function notInTime(grant: GrantView, condition: WaitCondition): UserError {
  return new UserError("TimedOut", `timed out waiting for ${handleOf(grant)} to be ${condition}`, {
    why: `it is ${grant.state}${whyOf(grant)}`,
    next: `sallyport grants get ${handleOf(grant)}`,
  });
}

function neverMet(grant: GrantView, condition: WaitCondition): UserError {
  const denied = decisionText(grant, "Deny");
  return new UserError("NeverMet", `${handleOf(grant)} will not be ${condition}`, {
    why: denied === "" ? `it is ${grant.state}${whyOf(grant)}` : `the request was denied${denied}`,
    next: `sallyport grants get ${handleOf(grant)}`,
  });
}

function whyOf(grant: GrantView): string {
  const text = approvalProgress(grant) || grant.endReason || grant.message;
  return text === "" ? "" : printable(`: ${text}`);
}
