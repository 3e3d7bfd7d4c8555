import type { EntitlementList } from "#wire/control-api.ts";
import type { Command } from "../command.ts";
import { formatDuration } from "../output/duration.ts";
import { signedIn } from "../signin/signed-in.ts";

/** `sallyport databases list` */
export const databasesList: Command = {
  name: "databases list",
  summary: "List the databases and roles that you may ask for",
  options: [],
  examples: [{ run: "sallyport databases list", does: "what you may use, and what is live already" }],
  async run({ world }) {
    const { items } = await signedIn(world, ({ control }) =>
      control.get<EntitlementList>("/v1/databases", { signal: world.signal }),
    );
    world.output.rows(
      items,
      [
        ["database", (entry) => entry.database],
        ["role", (entry) => entry.role],
        ["engine", (entry) => entry.engine],
        ["longest", (entry) => formatDuration(entry.maxDurationSeconds)],
        ["approval", (entry) => (entry.needsApproval ? "needed" : "automatic")],
        ["grant", (entry) => entry.grant?.state ?? "-"],
      ],
      "You may not ask for any database. Ask whoever operates Sallyport for an Availability.",
    );
    return 0;
  },
};
