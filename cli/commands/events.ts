import type { Command } from "../command.ts";

/** `sallyport events` */
export const events: Command = {
  name: "events",
  summary: "Show what happened to access: who asked, decided, got in, looked, and ended it",
  options: [
    { name: "grant", value: "GRANT", summary: "of this grant; without it of all, for auditors and administrators" },
    { name: "after", value: "POSITION", summary: "after this position; -o json shows positions", fallback: "0" },
    { name: "follow", short: "f", summary: "go on with what happens next" },
  ],
  examples: [
    { run: "sallyport events --grant ada-orders", does: "the story of one grant" },
    { run: "sallyport events --follow -o json", does: "all events as they come, a line of JSON each" },
  ],
  run: async (invocation) => (await import("../audit/events.ts")).showEvents(invocation),
};
