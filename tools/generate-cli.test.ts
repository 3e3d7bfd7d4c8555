import { expect, it } from "vitest";
import type { Command } from "#cli/command.ts";
import { cliReference } from "./generate-cli.ts";

const command: Command = {
  name: "thing do",
  summary: "Do a thing",
  positionals: ["NAME", "PATH…"],
  options: [
    { name: "must", value: "X", summary: "needed | always", required: true },
    { name: "times", short: "t", value: "N", summary: "how often", fallback: "1" },
    { name: "loud", summary: "in capitals" },
  ],
  examples: [{ run: "sallyport thing do a b", does: "does it" }],
  run: async () => 0,
};

it("documents a command from what help is made of", () => {
  const page = cliReference([command]);

  expect(page).toContain("- [`sallyport thing do`](#sallyport-thing-do): Do a thing\n");
  expect(page.slice(page.indexOf("## sallyport"))).toBe(`## sallyport thing do

Do a thing.

\`\`\`
sallyport thing do --must X [options] NAME PATH…
\`\`\`

| Option | |
|---|---|
| \`--must X\` | needed \\| always; required |
| \`-t, --times N\` | how often; default \`1\` |
| \`--loud\` | in capitals |

\`\`\`sh
# does it
sallyport thing do a b
\`\`\`
`);
});
