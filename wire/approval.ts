/** How a Grant is approved, as people see it and decide on it. Instants are RFC 3339 in UTC. */

/** What the person who reads a Grant may do with it now, so that no client offers what would be refused. */
export type GrantAction = "approve" | "deny" | "extend" | "revoke" | "cancel" | "connect" | "viewStatements";

/** One decision that counted. */
export interface Decision {
  readonly decision: "Approve" | "Deny";
  readonly reviewer: { readonly kind: "User" | "Pipeline"; readonly username: string };
  readonly time: string;
  readonly comment?: string;
}

/** One step of the workflow, with the decisions that counted for it so far. */
export interface ApprovalStepView {
  readonly name: string;
  readonly approvers: readonly { readonly kind: "User" | "Group" | "Pipeline"; readonly name: string }[];
  /** How many different people must approve it. */
  readonly requiredApprovals: number;
  readonly decisions: readonly Decision[];
  readonly state: "Waiting" | "Approved" | "Denied";
}

/** Where a Grant's approval stands. */
export interface ApprovalView {
  /** `Automatic`: the workflow asks for none. `BreakGlass`: the steps were skipped, by right and on record. */
  readonly kind: "Automatic" | "Reviewed" | "BreakGlass";
  readonly state: "Waiting" | "Approved" | "Denied";
  readonly steps: readonly ApprovalStepView[];
  /** Until when it must be approved. Absent: until the Grant's notAfterTime. */
  readonly deadline?: string;
}

/** How a live Grant may be extended. */
export interface ExtensionView {
  /** Extensions in the window by now. */
  readonly count: number;
  readonly maxCount: number;
  /** From when on the next one may be asked for, where the workflow lets nobody ask at once. */
  readonly fromTime?: string;
  /** Length of the next one. */
  readonly durationSeconds: number;
}

/** `POST /v1/grants/{grantID}/review`: decides as the caller. Recorded as a GrantReview. */
export interface ReviewRequest {
  readonly decision: "Approve" | "Deny";
  /** `GrantView.digest` of what the reviewer saw: anything else is not what is approved. */
  readonly digest: string;
  /** Absent: the first step that waits for the caller. */
  readonly step?: string;
  /** At most 2,048 characters. Required by `deny` on the command line. */
  readonly comment?: string;
}

/**
 * What became of a review. `Counted`: it is on record, and part of the view. `Waiting`: that was not known yet when the controller had to
 * answer; the Grant shows it later. One that does not count is refused with the reason.
 */
export interface ReviewOutcome {
  /** Name of the GrantReview. */
  readonly name: string;
  readonly state: "Counted" | "Waiting";
  /** A sentence; empty where nobody has looked at it yet. */
  readonly message: string;
}

/** `POST /v1/grants/{grantID}/extend`: one more extension, of the length that the workflow states. */
export interface ExtendRequest {
  /** `extension.count` as the person saw it, so that pressing twice extends once. */
  readonly count: number;
}
