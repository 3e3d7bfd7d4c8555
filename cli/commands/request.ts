import type { Command } from "../command.ts";

/** `sallyport request`: asks for access without connecting. */
export const request: Command = {
  name: "request",
  summary: "Ask for access to a database, without connecting to it",
  positionals: ["DATABASE", "ROLE"],
  options: [
    {
      name: "duration",
      short: "d",
      value: "DURATION",
      summary: "how long, such as 45m or 8h (default: the workflow's)",
    },
    { name: "reason", value: "TEXT", summary: "why; kept in the audit trail" },
    { name: "start", value: "TIME", summary: "not before this instant: RFC 3339, or 30m for in 30 minutes" },
    {
      name: "break-glass",
      summary: "skip the approval, where the workflow lets you; needs a reason, and reviewers are told",
    },
    { name: "wait", summary: "wait until access is live" },
    { name: "dry-run", summary: "say what would happen, and change nothing" },
    { name: "yes", short: "y", summary: "do not ask for confirmation" },
  ],
  examples: [
    { run: 'sallyport request orders app_owner --duration 1h --reason "INC-42"', does: "shows what happens, and asks" },
    { run: "sallyport request orders read_only --yes --wait", does: "in a script; ends when access is live" },
  ],
  run: async (invocation) => (await import("../grants/request.ts")).requestAccess(invocation),
};
