import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { completionScripts, type Shell } from "#cli/completion/scripts.ts";
import { makeFolder } from "./folder.ts";
import { within } from "../harness/process.ts";

/** Why a shell's tests cannot run here; they are skipped aloud. */
const missing = (shell: Shell): boolean => spawnSync(shell, ["--version"]).error !== undefined;

/** A home where `sallyport` is on PATH and answers as the program would, and says with what it was asked. */
function home(answers: readonly string[]): { folder: string; environment: Record<string, string>; asked: string } {
  const folder = makeFolder();
  const asked = path.join(folder, "asked");
  const bin = path.join(folder, "bin");
  mkdirSync(bin);
  const program = path.join(bin, "sallyport");
  const quoted = answers.map((line) => `'${line}'`).join(" ");
  // The real program's part is tested beside it (cli/completion/*.test.ts); here it is the shell's turn.
  const matching = `for line in ${quoted}; do case "$line" in "$last"*|:files) printf '%s\\n' "$line";; esac; done`;
  writeFileSync(program, `#!/bin/sh\nprintf '<%s>' "$@" >> '${asked}'\nfor last in "$@"; do :; done\n${matching}\n`);
  chmodSync(program, 0o755);
  const environment = { HOME: folder, PATH: `${bin}:${process.env["PATH"] ?? ""}`, TERM: "dumb" };
  return { folder, environment, asked };
}

/** Types at an interactive shell on a terminal of its own until `text` is on its screen; all of the screen. */
async function typedAt(
  shell: "bash" | "zsh",
  keys: string,
  text: string,
  { folder, environment }: ReturnType<typeof home>,
): Promise<string> {
  const script = path.join(folder, "completion");
  writeFileSync(script, completionScripts[shell]);
  const start =
    shell === "bash"
      ? `bind 'set enable-bracketed-paste off' 'set bell-style none'; source '${script}'\n`
      : `autoload -U compinit; compinit -u -D; source '${script}'\n`;
  const flags = shell === "bash" ? "--norc --noprofile -i" : "-f -i";
  const child = spawn("script", ["-qec", `${shell} ${flags}`, "/dev/null"], { env: environment, cwd: folder });
  let screen = "";
  const seen = Promise.withResolvers<void>();
  let isReady = false;
  child.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString();
    if (!isReady && /ready-\d/.test(screen)) {
      isReady = true;
      screen = "";
      child.stdin.write(keys);
    } else if (isReady && screen.includes(text)) {
      seen.resolve();
    }
  });
  child.stdin.write(`${start}echo ready-$((0+1))\n`);
  try {
    await within(`${shell} shows ${text}`, seen.promise, () => JSON.stringify(screen));
    return screen;
  } finally {
    child.kill("SIGKILL");
  }
}

describe.skipIf(missing("bash"))("bash", () => {
  it("completes the word that is typed", async () => {
    const screen = await typedAt("bash", "sallyport appr\t", "approve ", home(["approve\tApprove a request", "audit"]));

    expect(screen).toContain("sallyport approve ");
  });

  it("asks with every word, the empty last one too, and with a colon in one piece", async () => {
    const at = home(["orders:read_only", "orders:app_owner"]);

    const screen = await typedAt("bash", "sallyport rds proxy --target orders:r\t", "read_only", at);

    expect(screen).toContain("orders:read_only");
    expect(spawnSync("cat", [at.asked]).stdout.toString()).toBe("<__complete><--><rds><proxy><--target><orders:r>");
  });

  it("leaves files to itself", async () => {
    const at = home([":files"]);
    writeFileSync(path.join(at.folder, "grants-of-ada.yaml"), "");

    await typedAt("bash", "sallyport validate grants-\t", "grants-of-ada.yaml", at);
  });
});

describe.skipIf(missing("zsh"))("zsh", () => {
  it("completes the word that is typed", async () => {
    await typedAt("zsh", "sallyport appr\t", "approve", home(["approve\tApprove a request", "audit"]));
  });

  it("shows what the words mean", async () => {
    const screen = await typedAt(
      "zsh",
      "sallyport a\t\t",
      "Approve a request",
      home(["approve\tApprove a request", "audit\tThe trail"]),
    );

    expect(screen).toContain("The trail");
  });
});

describe.skipIf(missing("fish"))("fish", () => {
  it("offers words with their meaning", () => {
    const { folder, environment } = home(["approve\tApprove a request", "audit\tThe trail", "deny"]);
    const script = path.join(folder, "completion.fish");
    writeFileSync(script, completionScripts.fish);

    const run = spawnSync("fish", ["--no-config", "-c", `source '${script}'; complete -C 'sallyport a'`], {
      env: environment,
      encoding: "utf8",
    });

    expect(run.stdout).toBe("approve\tApprove a request\naudit\tThe trail\n");
  });
});
