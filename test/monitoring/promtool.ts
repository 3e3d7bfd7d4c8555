import { execFile } from "node:child_process";
import { isMissing } from "#tools/parts/part.ts";
import { promtoolPart } from "#tools/parts/promtool.ts";

/** Why promtool is not here; undefined where it is. */
export function promtoolMissing(): string | undefined {
  const part = promtoolPart();
  return isMissing(part) ? part.missing : undefined;
}

/** Runs promtool; answers its exit code and all that it printed. `input` goes to its standard input. */
export function promtool(args: readonly string[], input = ""): Promise<{ code: number; output: string }> {
  const part = promtoolPart();
  if (isMissing(part)) {
    throw new Error(part.missing);
  }
  return new Promise((resolve) => {
    const child = execFile(part.file, args, { maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = typeof error?.code === "number" ? error.code : error === null ? 0 : -1;
      resolve({ code, output: `${stdout}${stderr}` });
    });
    child.stdin?.end(input);
  });
}
