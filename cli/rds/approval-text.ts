import { printable } from "#audit/text.ts";
import type { Decision } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";

/** Whom a request waits for, such as `step dba: 0 of 1 approvals, asked: group dba`; empty where that is not known. */
export function approvalProgress({ approval }: GrantView): string {
  const step = approval?.steps.find(({ state }) => state === "Waiting");
  if (step === undefined) {
    return "";
  }
  const approved = step.decisions.filter(({ decision }) => decision === "Approve").length;
  const asked = step.approvers.map(({ kind, name }) => `${kind.toLowerCase()} ${name}`).join(", ");
  return `step ${step.name}: ${approved} of ${step.requiredApprovals} approvals${asked === "" ? "" : `, asked: ${asked}`}`;
}

/** Who decided so and with which words, such as ` by margaret: go ahead`; empty where nobody is known to have. */
export function decisionText({ approval }: GrantView, decision: Decision["decision"]): string {
  const last = approval?.steps.flatMap((step) => step.decisions.filter((one) => one.decision === decision)).at(-1);
  if (last === undefined) {
    return "";
  }
  const { reviewer, comment = "" } = last;
  // A reviewer's words make no line of their own.
  return printable(` by ${reviewer.username}${comment === "" ? "" : `: ${comment}`}`);
}
