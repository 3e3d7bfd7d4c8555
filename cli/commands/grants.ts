import type { GrantView } from "#wire/control-api.ts";
import type { Command, Option } from "../command.ts";
import type { WaitCondition } from "../grants/wait.ts";

const states = [
  "Pending",
  "PendingApproval",
  "Scheduled",
  "Provisioning",
  "Active",
  "Revoking",
  "Ended",
  "Refused",
] as const satisfies readonly GrantView["state"][];
const conditions = ["approved", "active", "ended"] as const satisfies readonly WaitCondition[];

const reason: Option = {
  name: "reason",
  value: "TEXT",
  summary: "why; shown to the person and kept in the audit trail",
  fallback: "ended from the command line",
};

/** `sallyport grants list` */
export const grantsList: Command = {
  name: "grants list",
  summary: "List grants: your own, or everybody's if you are an auditor",
  options: [
    { name: "user", value: "NAME", summary: "only this person's" },
    { name: "database", value: "NAME", summary: "only for this database" },
    { name: "state", value: "STATE", summary: "only in this state, such as Active or Ended", values: states },
  ],
  examples: [{ run: "sallyport grants list --state Active", does: "what is live now" }],
  run: async (invocation) => (await import("../grants/lists.ts")).listGrants(invocation),
};

/** `sallyport grants get` */
export const grantsGet: Command = {
  name: "grants get",
  summary: "Show one grant",
  positionals: ["GRANT"],
  options: [],
  examples: [
    { run: "sallyport grants get gmztgmztgmztgmztgmztgmztgmy", does: "its state, times, reason and who decided" },
  ],
  run: async (invocation) => (await import("../grants/lists.ts")).getGrant(invocation),
};

/** `sallyport grants watch` */
export const grantsWatch: Command = {
  name: "grants watch",
  summary: "Follow grants: each as it is now, then every change",
  positionals: ["[GRANT]"],
  options: [
    {
      name: "scope",
      value: "SCOPE",
      summary: "own, reviews (what you review) or all that you may see",
      values: ["own", "reviews", "all"],
      fallback: "all",
    },
  ],
  examples: [
    { run: "sallyport grants watch", does: "all that you may see" },
    {
      run: "sallyport grants watch --scope reviews -o json",
      does: "one line of JSON for each request that reaches you",
    },
  ],
  run: async (invocation) => (await import("../grants/watch.ts")).watchGrants(invocation),
};

/** `sallyport extend` */
export const extend: Command = {
  name: "extend",
  summary: "Lengthen a live grant once, as its workflow allows",
  positionals: ["GRANT"],
  options: [],
  examples: [{ run: "sallyport extend gmztgmztgmztgmztgmztgmztgmy", does: "says when it ends then" }],
  run: async (invocation) => (await import("../grants/change.ts")).extendGrant(invocation),
};

/** `sallyport revoke`: also cancels what is pending. */
export const revoke: Command = {
  name: "revoke",
  summary: "End a grant now: its sessions are cut and its access is taken away; a pending request is cancelled",
  positionals: ["GRANT"],
  options: [reason],
  examples: [{ run: 'sallyport revoke ada-orders --reason "done"', does: "give access back early" }],
  run: async (invocation) => (await import("../grants/change.ts")).revokeGrant(invocation),
};

/** `sallyport grants revoke`: as `revoke`. */
export const grantsRevoke: Command = {
  ...revoke,
  name: "grants revoke",
  summary: "The same as sallyport revoke",
  examples: [{ run: 'sallyport grants revoke GRANT --reason "done"', does: "give access back early" }],
};

/** `sallyport wait` */
export const wait: Command = {
  name: "wait",
  summary: "Wait until a grant is approved, active or ended; exit 0 it is, 1 it never will be or not in time",
  positionals: ["GRANT"],
  options: [
    { name: "for", value: "CONDITION", summary: "approved, active or ended", values: conditions, fallback: "active" },
    { name: "timeout", value: "DURATION", summary: "at most this long; 0 looks once (default: as long as it takes)" },
  ],
  examples: [
    { run: "sallyport wait ada-orders --timeout 15m", does: "until access is live" },
    { run: "sallyport wait ada-orders --for ended", does: "until it is over and taken away" },
  ],
  run: async (invocation) => (await import("../grants/wait.ts")).waitForGrant(invocation),
};
