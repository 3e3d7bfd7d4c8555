import path from "node:path";
import { type Command, isSet, valueOf } from "../command.ts";
import { loadConfig, saveConfig } from "../config/config.ts";
import { openSession } from "../signin/session.ts";

/** `sallyport login`: signs in, and remembers where Sallyport is. */
export const login: Command = {
  name: "login",
  summary: "Sign in through the AWS access portal",
  options: [
    { name: "url", value: "URL", summary: "address of your Sallyport; remembered" },
    { name: "ca-file", value: "FILE", summary: "PEM file of the authority behind its certificate; remembered" },
    { name: "fresh", summary: "sign in again even if the last sign-in still holds" },
  ],
  examples: [{ run: "sallyport login --url https://sallyport.example.com", does: "the first time on a computer" }],
  async run(invocation) {
    const { world } = invocation;
    const url = valueOf(invocation, "url");
    const caFile = valueOf(invocation, "ca-file");
    if (url !== undefined || caFile !== undefined) {
      const absolute = caFile === undefined ? undefined : path.resolve(world.workingDirectory, caFile);
      saveConfig({ url: url ?? loadConfig(world).url, ...(absolute === undefined ? {} : { caFile: absolute }) }, world);
    }
    // Somebody who typed `login` wants to sign in, terminal or not: the device flow prints its address and waits.
    const session = await openSession({ ...world, interactive: true }, { fresh: isSet(invocation, "fresh") });
    const { person, signIn } = session;
    session.close();
    world.output.result({ person, installation: signIn.installation }, () => {
      const roles = person.roles.length === 0 ? "" : ` (${person.roles.join(", ")})`;
      return `Signed in to ${signIn.installation} as ${person.userName}${roles}`;
    });
    return 0;
  },
};
