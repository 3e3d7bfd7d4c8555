import { UserError } from "#lib/errors.ts";
import type { SlackAccountView, SlackLinkList } from "#wire/slack.ts";
import { type Command, isSet } from "../command.ts";
import { signedIn } from "../signin/signed-in.ts";

/** `sallyport slack link CODE`: lets a Slack account act for oneself. */
export const slackLink: Command = {
  name: "slack link",
  summary: "Let a Slack account approve, deny and extend in your name; Slack shows the code when you press a button",
  positionals: ["CODE"],
  options: [{ name: "yes", short: "y", summary: "do not ask for confirmation" }],
  examples: [{ run: "sallyport slack link 0f3a…", does: "shows whose Slack account that is, then asks" }],
  async run(invocation) {
    const { world, positionals } = invocation;
    const [code = ""] = positionals;
    return signedIn(world, async ({ control }) => {
      const options = { signal: world.signal };
      const found = await control.post<SlackAccountView>("/v1/slack/link", { code }, options);
      if (!isSet(invocation, "yes")) {
        world.output.note(`The code was shown to the Slack account ${nameOf(found)}.`);
        world.output.note("Whoever uses that account will decide in your name. Go on only if it is your own.");
        const { confirm } = await import("../output/prompt.ts");
        if (!(await confirm(world, "Let it act for you", "Run it again with --yes."))) {
          throw new UserError("Cancelled", "cancelled operation", { why: "nothing was changed" });
        }
      }
      const linked = await control.post<SlackAccountView>("/v1/slack/link", { code, confirm: true }, options);
      world.output.result(linked, () => `Linked: ${nameOf(linked)} acts for you in Slack.`);
      return 0;
    });
  },
};

/** `sallyport slack unlink`: ends that. */
export const slackUnlink: Command = {
  name: "slack unlink",
  summary: "From now on no Slack account acts in your name",
  options: [],
  examples: [{ run: "sallyport slack unlink", does: "at once, in every workspace" }],
  run: ({ world }) =>
    signedIn(world, async ({ control }) => {
      const answer = await control.post<SlackLinkList>("/v1/slack/unlink", {}, { signal: world.signal });
      world.output.result(answer, () => "No Slack account acts for you.");
      return 0;
    }),
};

/** The name is what people chose for themselves; the IDs are Slack's. */
function nameOf({ slackName, slackUserID, teamID }: SlackAccountView): string {
  return `user ${slackUserID} of workspace ${teamID}, called "${slackName}"`;
}
