import type { Command } from "../command.ts";

/** `sallyport validate`: what a pipeline runs before it merges. Reads files only; needs no network and no sign-in. */
export const validate: Command = {
  name: "validate",
  summary: "Check YAML files against schemas and rules, offline",
  positionals: ["PATH…"],
  options: [],
  examples: [{ run: "sallyport validate access/", does: "exit 0 when every file would be accepted, 1 otherwise" }],
  run: async (invocation) => (await import("../validate/files.ts")).validateFiles(invocation),
};
