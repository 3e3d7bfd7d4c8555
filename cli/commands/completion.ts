import type { Command } from "../command.ts";

/** `sallyport completion`, and what the shells' scripts ask. `commands`: all of them. */
export function completionCommands(commands: () => readonly Command[]): readonly Command[] {
  return [
    {
      name: "completion",
      summary: "Print what teaches your shell to complete sallyport's words, databases and grants",
      positionals: ["SHELL"],
      values: ["bash", "zsh", "fish"],
      options: [],
      examples: [
        { run: "sallyport completion bash >> ~/.bash_completion", does: "for every bash from now on" },
        { run: "sallyport completion zsh > ~/.zfunc/_sallyport", does: "for zsh, where ~/.zfunc is in $fpath" },
        { run: "sallyport completion fish > ~/.config/fish/completions/sallyport.fish", does: "for fish" },
      ],
      async run({ positionals, world }) {
        const { completionScripts, shells } = await import("../completion/scripts.ts");
        const shell = shells.find((one) => one === positionals[0]);
        if (shell === undefined) {
          const { UserError } = await import("#lib/errors.ts");
          throw new UserError("UnknownShell", `"${positionals[0]}" is no shell that can be taught`, {
            next: `sallyport completion ${shells.join("|")}`,
          });
        }
        const script = completionScripts[shell];
        world.output.result({ shell, script }, () => script.trimEnd());
        return 0;
      },
    },
    {
      name: "__complete",
      summary: "What the scripts of sallyport completion ask",
      hidden: true,
      positionals: ["[-- WORD…]"],
      options: [],
      examples: [{ run: "sallyport __complete -- grants ''", does: "the words that may follow" }],
      run: async (invocation) => (await import("../completion/complete.ts")).complete(invocation, commands()),
    },
  ];
}
