import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Command, Option } from "#cli/command.ts";
import { allCommands } from "#cli/commands/all.ts";

const file = path.join("docs", "cli.md");

const introduction = `# Command line

Made from the commands themselves by \`npm run generate\`; do not edit.

Results go to standard output, everything else to standard error. With \`--output json\` standard output holds JSON only: one
value, or one value a line where a command goes on for long. Errors are JSON on standard error then.

| Exit code | Means |
|---|---|
| 0 | done; for \`validate\` and \`audit verify\` also: nothing found wrong |
| 1 | refused or failed, for \`wait\` also not in time, for \`doctor\` also a problem found; the message says what happened, why, and what to run next |
| 2 | wrong usage |
| 130 | interrupted |

Where nobody can answer (no terminal, or \`CI\` is set) a command never waits for an answer: it fails and names the option that gives
it. Every command takes \`-o, --output text|json\` and \`-h, --help\`.

\`SALLYPORT_URL\` and \`SALLYPORT_CA_FILE\` say where the control API is and who signed its certificate, in place of what \`sallyport login\`
remembered in \`~/.config/sallyport/config.json\`. Sign-ins are shared with the \`aws\` command line in \`~/.aws/sso/cache\`.
`;

/** Makes docs/cli.md from the command table. Answers the files that are, or with `check` would be, written. */
export function generateCliReference(check: boolean): string[] {
  const never = (): Promise<never> => Promise.reject(new Error("documentation runs nothing"));
  const text = cliReference(
    allCommands({ controller: never, proxy: never, sandbox: never, plan: never, diff: never, leftovers: never }),
  );
  if (readIfThere() === text) {
    return [];
  }
  if (!check) {
    writeFileSync(file, text);
  }
  return [file];
}

/** The whole page. */
export function cliReference(all: readonly Command[]): string {
  const commands = all.filter(({ hidden }) => hidden !== true);
  const list = commands.map(({ name, summary }) => `- [\`sallyport ${name}\`](#sallyport-${anchor(name)}): ${summary}`);
  return `${[introduction, `${list.join("\n")}\n`, ...commands.map(section)].join("\n")}`;
}

function section(command: Command): string {
  const { name, summary, positionals = [], options, examples } = command;
  const required = options.filter((option) => option.required).map(flagOf);
  const usage = [
    "sallyport",
    name,
    ...required,
    ...(options.length > required.length ? ["[options]"] : []),
    ...positionals,
  ];
  return [
    `## sallyport ${name}`,
    `${summary}.`,
    `\`\`\`\n${usage.join(" ")}\n\`\`\``,
    ...(options.length === 0 ? [] : [optionTable(options)]),
    ["```sh", ...examples.flatMap(({ run, does }) => [`# ${does}`, run]), "```"].join("\n"),
  ]
    .join("\n\n")
    .concat("\n");
}

function optionTable(options: readonly Option[]): string {
  const rows = options.map((option) => {
    const short = option.short === undefined ? "" : `-${option.short}, `;
    const notes = [
      option.summary,
      ...(option.values === undefined ? [] : [`one of ${option.values.map((value) => `\`${value}\``).join(", ")}`]),
      ...(option.required ? ["required"] : []),
      ...(option.fallback === undefined ? [] : [`default \`${option.fallback}\``]),
    ];
    return `| \`${short}${flagOf(option)}\` | ${notes.join("; ").replaceAll("|", "\\|")} |`;
  });
  return ["| Option | |", "|---|---|", ...rows].join("\n");
}

function flagOf({ name, value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

function anchor(name: string): string {
  return name.replaceAll(" ", "-");
}

function readIfThere(): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
