import { UserError } from "#lib/errors.ts";
import type { ConfirmHeldResponse, ProblemList } from "#wire/control-api.ts";
import { type Command, isSet } from "../command.ts";
import { signedIn } from "../signin/signed-in.ts";

/** Keys that are shown; `--output json` has them all. */
const keysShown = 20;

/** `sallyport deletions confirm`: lets a mass disappearance that the controller holds go through. */
export const deletionsConfirm: Command = {
  name: "deletions confirm",
  summary: "Confirm deletions that are held because too many objects disappeared at once",
  options: [{ name: "yes", short: "y", summary: "do not ask for confirmation" }],
  examples: [
    { run: "sallyport deletions confirm", does: "shows what is held, asks, then deletes and revokes it" },
    { run: "sallyport deletions confirm --yes", does: "in a pipeline that meant it" },
  ],
  async run(invocation) {
    const { world } = invocation;
    return signedIn(world, async ({ control }) => {
      const options = { signal: world.signal };
      const { held } = await control.get<ProblemList>("/v1/problems", options);
      if (held === undefined) {
        world.output.result({ confirmed: 0 }, () => "No deletion is held.");
        return 0;
      }
      const { keys, since, digest } = held;
      world.output.event("HELD", `${keys.length} objects disappeared at once since ${since}:`, { keys, since });
      for (const key of keys.slice(0, keysShown)) {
        world.output.note(key);
      }
      if (keys.length > keysShown) {
        world.output.note(`and ${keys.length - keysShown} more`);
      }
      if (!isSet(invocation, "yes")) {
        const { confirm } = await import("../output/prompt.ts");
        if (!(await confirm(world, "Delete them, and revoke the grants among them", "Run it again with --yes."))) {
          throw new UserError("Cancelled", "cancelled operation", { why: "nothing was changed" });
        }
      }
      const answer = await control.post<ConfirmHeldResponse>("/v1/held/confirm", { digest }, options);
      world.output.result(answer, () => `Confirmed: ${answer.confirmed} objects are being deleted.`);
      return 0;
    });
  },
};
