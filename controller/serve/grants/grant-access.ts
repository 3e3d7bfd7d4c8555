import type { AccessWorkflow, Grant } from "#kinds/index.ts";
import type { GrantAction } from "#wire/approval.ts";
import type { EpochMs } from "#lib/clock.ts";
import { isApprover, mayReview } from "../../reconcile/grant/approval.ts";
import { extensionOf } from "./approval.ts";
import { isOpen, stateOf } from "./grant-view.ts";
import type { Caller } from "../route.ts";
import { isNamedAs } from "../../reconcile/grant/names.ts";

/** What binds a caller to one Grant. */
export interface Relation {
  /** It is theirs: by the pinned user ID, by the name only before there is one. */
  readonly own: boolean;
  readonly requester: boolean;
  /** A step of its workflow names them, whether or not it waits for them. */
  readonly approver: boolean;
  /** Approval steps that wait for their approval. */
  readonly waitingSteps: readonly string[];
  readonly mayDeny: boolean;
  /** A review of theirs counted; `approved` where it was an approval. */
  readonly decided: boolean;
  readonly approved: boolean;
}

/** What binds the caller to the Grant. Pure. */
export function relationOf(caller: Caller, grant: Grant, workflow: AccessWorkflow | undefined, now: EpochMs): Relation {
  // A name could be somebody else's by now: what has no ID on record opens nothing.
  const reviews = (grant.status?.approvals ?? []).filter(({ reviewerID }) => reviewerID === caller.userID);
  const steps = workflow?.spec.approvalSteps ?? [];
  const approver = steps.some((step) => isApprover(step, { kind: "User", ...caller }));
  // Nobody else's word counts, and most callers are no approvers of most Grants.
  const { approve, deny } = approver ? mayReview(caller, grant, workflow, now) : { approve: [], deny: false };
  const requester = grant.spec.requester?.username;
  return {
    own: isOwn(grant, caller),
    requester: requester !== undefined && isNamedAs(requester, caller.userName),
    approver,
    waitingSteps: approve,
    mayDeny: deny,
    decided: reviews.length > 0,
    approved: reviews.some(({ decision }) => decision === "Approve"),
  };
}

/** Whether the Grant is the caller's own. A name that somebody else took over opens nothing. Pure. */
export function isOwn(grant: Grant, caller: Pick<Caller, "userName" | "userID">): boolean {
  const pinned = grant.status?.principal?.userID;
  return pinned === undefined ? isNamedAs(grant.spec.principal.name, caller.userName) : pinned === caller.userID;
}

/** Whether the caller may know that the Grant exists. Pure. */
export function maySee(caller: Caller, relation: Relation): boolean {
  return caller.auditor || relation.own || relation.requester || relation.approver || relation.decided;
}

/** Whether it is, or was, theirs to decide on: whose review counted, or is waited for. Pure. */
export function isInQueue({ decided, waitingSteps, mayDeny }: Relation): boolean {
  return decided || mayDeny || waitingSteps.length > 0;
}

/** Whether the caller may end it: its person, who asked for it, who approved it, administrators. Pure. */
export function mayEnd(caller: Caller, relation: Relation): boolean {
  return relation.own || relation.requester || relation.approved || caller.administrator;
}

/** Whether the caller may ask for an extension: its person and who asked for it. Pure. */
export function mayExtend(relation: Relation): boolean {
  return relation.own || relation.requester;
}

/** What the caller may do with the Grant now, in the order in which it is offered. Pure. */
export function actionsOf(
  caller: Caller,
  grant: Grant,
  relation: Relation,
  { viewsStatements, now }: { readonly viewsStatements: boolean; readonly now: EpochMs },
): GrantAction[] {
  const isLive = stateOf(grant) === "Active";
  const extension = extensionOf(grant);
  const isEarly = Date.parse(extension?.fromTime ?? "") > now;
  const canGrow = extension !== undefined && extension.count < extension.maxCount && !isEarly;
  const may: Readonly<Record<GrantAction, boolean>> = {
    approve: relation.waitingSteps.length > 0,
    deny: relation.mayDeny,
    connect: isLive && relation.own,
    extend: isLive && canGrow && mayExtend(relation),
    revoke: isLive && mayEnd(caller, relation),
    cancel: !isLive && isOpen(grant) && mayEnd(caller, relation),
    viewStatements: viewsStatements,
  };
  return (Object.keys(may) as GrantAction[]).filter((action) => may[action]);
}
