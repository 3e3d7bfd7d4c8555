import type { Command } from "../command.ts";

/** `sallyport sessions list` */
export const sessionsList: Command = {
  name: "sessions list",
  summary: "List database sessions, newest first: your own, those that you review, or all that you may see",
  options: [
    { name: "grant", value: "GRANT", summary: "only under this grant" },
    { name: "user", value: "NAME", summary: "only this person's" },
    { name: "database", value: "NAME", summary: "only on this database" },
    { name: "since", value: "TIME", summary: "not before this instant: RFC 3339, or 10m for the last 10 minutes" },
    { name: "until", value: "TIME", summary: "before this instant" },
    { name: "open", summary: "only those that are open now" },
  ],
  examples: [{ run: "sallyport sessions list --open", does: "who is connected now" }],
  run: async (invocation) => (await import("../sessions/list.ts")).listSessions(invocation),
};

/** `sallyport sessions get` */
export const sessionsGet: Command = {
  name: "sessions get",
  summary: "Show one database session",
  positionals: ["SESSION"],
  options: [],
  examples: [{ run: "sallyport sessions get 1f0c2a9b", does: "by the beginning of its ID, as the trail shows it" }],
  run: async (invocation) => (await import("../sessions/list.ts")).getSession(invocation),
};

/** `sallyport sessions kill` */
export const sessionsKill: Command = {
  name: "sessions kill",
  summary: "End one database session: what it runs is cancelled; the grant and its other sessions go on",
  positionals: ["SESSION"],
  options: [{ name: "reason", value: "TEXT", summary: "why; shown in the person's client, and kept", required: true }],
  examples: [{ run: 'sallyport sessions kill 1f0c2a9b --reason "it holds a lock"', does: "ends that one only" }],
  run: async (invocation) => (await import("../sessions/kill.ts")).killSession(invocation),
};
