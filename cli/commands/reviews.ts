import type { Command, Option } from "../command.ts";

const step: Option = { name: "step", value: "NAME", summary: "for this step (default: the first that waits for you)" };
const yes: Option = { name: "yes", short: "y", summary: "do not ask for confirmation" };

/** `sallyport reviews`: the queue. */
export const reviews: Command = {
  name: "reviews",
  summary: "List the requests that wait for your word",
  options: [{ name: "decided", summary: "those that you decided on instead" }],
  examples: [{ run: "sallyport reviews", does: "what waits for you" }],
  run: async (invocation) => (await import("../grants/lists.ts")).listReviews(invocation),
};

/** `sallyport approve` */
export const approve: Command = {
  name: "approve",
  summary: "Approve a request: shows who asks for what, why and for how long, and approves exactly that",
  positionals: ["GRANT"],
  options: [{ name: "comment", value: "TEXT", summary: "shown to the person, and kept in the audit trail" }, step, yes],
  examples: [
    { run: "sallyport approve gmztgmztgmztgmztgmztgmztgmy", does: "shows it, then asks" },
    { run: 'sallyport approve ada-orders --comment "during the incident only" --yes', does: "by name, in a script" },
  ],
  run: async (invocation) => (await import("../grants/decide.ts")).decide(invocation, "Approve"),
};

/** `sallyport deny` */
export const deny: Command = {
  name: "deny",
  summary: "Deny a request, and say why",
  positionals: ["GRANT"],
  options: [
    {
      name: "comment",
      value: "TEXT",
      summary: "why; shown to the person, and kept in the audit trail",
      required: true,
    },
    step,
    yes,
  ],
  examples: [{ run: 'sallyport deny ada-orders --comment "read_only is enough"', does: "shows it, then asks" }],
  run: async (invocation) => (await import("../grants/decide.ts")).decide(invocation, "Deny"),
};
