import { spawnSync } from "node:child_process";

/** What a program printed. */
export type Done = { readonly output: string } | { readonly failed: string };

/** Runs a program of set-up to its end. A failure is its last line, which is what a reader needs of an installer's output. */
export function command(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Done {
  const done = spawnSync(file, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (done.status === 0) {
    return { output: done.stdout };
  }
  const said = done.error?.message ?? `${done.stdout}\n${done.stderr}`;
  return { failed: said.trim().split("\n").at(-1)?.trim() ?? "it failed" };
}

/** First version number that a program prints when asked; undefined when there is no such program. */
export function versionOf(file: string, option = "--version"): string | undefined {
  const done = command(file, [option]);
  return "output" in done ? /\d+(?:\.\d+)+/.exec(done.output)?.[0] : undefined;
}
