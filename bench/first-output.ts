import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

/** When a command said something, in ms from starting its process. */
export interface FirstOutput {
  /** The first byte on either output, whatever it is: also the line that says that it works. */
  readonly byteMs: number;
  /** The first byte of what was asked for. */
  readonly answerMs: number;
}

/** A command line, and the text that its answer holds. */
export interface Asked {
  readonly file: string;
  readonly args: readonly string[];
  readonly answer: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Runs it to its end. Rejects where it fails, or does not say what was asked for. */
export async function firstOutput({ file, args, answer, environment }: Asked): Promise<FirstOutput> {
  const startMs = performance.now();
  const child = spawn(file, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let byteMs: number | undefined;
  let answerMs: number | undefined;
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      byteMs ??= performance.now() - startMs;
      said += chunk.toString();
      if (said.includes(answer)) {
        answerMs ??= performance.now() - startMs;
      }
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0 || byteMs === undefined || answerMs === undefined) {
    throw new Error(`${path.basename(file)} ${args.at(-1)} ended with ${code}: ${said.trim()}`);
  }
  return { byteMs, answerMs };
}

/** The same on a terminal of its own (`script` of util-linux), which costs some milliseconds itself. */
export function onTerminal(asked: Asked): Asked {
  const command = [asked.file, ...asked.args].map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const args = ["--quiet", "--flush", "--return", "--command", `exec ${command}`, "/dev/null"];
  return { ...asked, file: "script", args };
}

/** The program itself where pyenv has put a script of its own in its place, which would count against it. */
export function behindShim(program: string): string {
  try {
    const stdio = ["ignore", "pipe", "ignore"] as const;
    return execFileSync("pyenv", ["which", program], { encoding: "utf8", stdio: [...stdio] }).trim();
  } catch {
    return program;
  }
}
