import type { ConsoleLink } from "#wire/sign-in.ts";
import { type Command, isSet } from "../command.ts";
import { signedIn } from "../signin/signed-in.ts";

/** `sallyport console`: signs a browser in by a one-time link. */
export const openConsole: Command = {
  name: "console",
  summary: "Open the console in your browser, signed in as you",
  options: [{ name: "print", summary: "print the link in place of opening it; it works once, within a minute" }],
  examples: [
    { run: "sallyport console", does: "opens your browser" },
    { run: "sallyport console --print", does: "for a browser on another computer" },
  ],
  async run(invocation) {
    const { world } = invocation;
    const { openerFor, openPrivately } = await import("../signin/browser.ts");
    const opener = isSet(invocation, "print") ? undefined : openerFor(world.environment, process.platform);
    const link = await signedIn(world, ({ control }) =>
      control.post<ConsoleLink>("/v1/console/links", {}, { signal: world.signal }),
    );
    if (opener !== undefined) {
      world.output.note("Opening the console in your browser.");
      if (await openPrivately(opener, link.url, world)) {
        // The link is used by now: whoever reads the output later finds nothing in it.
        const { origin, pathname } = new URL(link.url);
        world.output.result({ opened: `${origin}${pathname}` }, () => `Opened ${origin}${pathname}`);
        return 0;
      }
      world.output.note(`${opener[0]} could not be started; open the link yourself.`);
    }
    world.output.result(link, () => link.url);
    return 0;
  },
};
