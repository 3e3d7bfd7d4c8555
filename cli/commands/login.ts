import path from "node:path";
import { type Command, type Invocation, isSet, valueOf, type World } from "../command.ts";
import { type Config, configOf, loadConfig, saveConfig } from "../config/config.ts";

/** `sallyport login`: signs in, and remembers where Sallyport is. */
export const login: Command = {
  name: "login",
  summary: "Sign in through the AWS access portal, or at an OIDC issuer",
  options: [
    { name: "url", value: "URL", summary: "address of your Sallyport; remembered" },
    { name: "ca-file", value: "FILE", summary: "PEM file of the authority behind its certificate; remembered" },
    { name: "oidc", summary: "at the OIDC issuer that your Sallyport trusts; remembered until you sign in without it" },
    { name: "device", summary: "confirm a code in any browser, also one on another computer" },
    { name: "fresh", summary: "sign in again even if the last sign-in still holds" },
  ],
  examples: [
    { run: "sallyport login --url https://sallyport.example.com", does: "the first time on a computer" },
    { run: "sallyport login --device", does: "where the browser is on another computer, as over SSH" },
  ],
  async run(invocation) {
    const { world } = invocation;
    const typed = typedConfig(invocation, world);
    const { openSession } = await import("../signin/session.ts");
    // Somebody who typed `login` wants to sign in, terminal or not: its address is printed and waited on.
    const session = await openSession(
      { ...world, interactive: true },
      {
        // What an earlier command kept says nothing of whether signing in works.
        kept: false,
        fresh: isSet(invocation, "fresh"),
        device: isSet(invocation, "device"),
        oidc: isSet(invocation, "oidc"),
        ...(typed === undefined ? {} : { config: typed }),
      },
    );
    const { person, signIn } = session;
    // One way at a time: what is kept of the other one would be somebody's who is not meant any more.
    const { url } = typed ?? loadConfig(world);
    if (isSet(invocation, "oidc")) {
      const { forgetLogin } = await import("../signin/kept-login.ts");
      forgetLogin(url, world);
    } else {
      const { forgetOidcLogin } = await import("../signin/oidc/login-cache.ts");
      forgetOidcLogin(url, world);
    }
    session.close();
    if (typed !== undefined) {
      // Remembered only now: an address that does not work is not worth it.
      saveConfig(typed, world);
    }
    world.output.result({ person, installation: signIn.installation }, () => {
      const roles = person.roles.length === 0 ? "" : ` (${person.roles.join(", ")})`;
      return `Signed in to ${signIn.installation} as ${person.userName}${roles}`;
    });
    return 0;
  },
};

/** Where Sallyport is, as typed; undefined when nothing was. A new address does not inherit the old one's authority. */
function typedConfig(invocation: Invocation, world: World): Config | undefined {
  const url = valueOf(invocation, "url");
  const file = valueOf(invocation, "ca-file");
  if (url === undefined && file === undefined) {
    return undefined;
  }
  const caFile = file === undefined ? undefined : path.resolve(world.workingDirectory, file);
  return configOf(url ?? loadConfig(world).url, caFile);
}
