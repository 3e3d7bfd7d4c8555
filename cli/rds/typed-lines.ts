import { StringDecoder } from "node:string_decoder";
import type { World } from "../command.ts";

/** Nobody types a longer one; what is pasted by mistake is not kept. */
const lineCharactersMax = 1_000;

/** How soon it is noticed that a shell has moved the command behind its prompt, or back in front. */
const lookEveryMs = 1_000;

/**
 * Calls `heard` with each line that is typed at the terminal, until the answer is called. Lines, not keys: the terminal stays as it is, so
 * that Ctrl-C, Ctrl-Z and a crash leave it in order. Nothing is read where there is no terminal, nor while the command runs behind a shell's
 * prompt: what is typed there is the shell's, and to read it would stop this process.
 */
export function readLines(world: World, heard: (line: string) => void): () => void {
  if (!world.interactive) {
    return () => {};
  }
  const { input, place } = world.terminal;
  const { clock } = world;
  const decoder = new StringDecoder("utf8");
  let pending = "";
  const onData = (chunk: Buffer | string): void => {
    const lines = (pending + (typeof chunk === "string" ? chunk : decoder.write(chunk))).split(/\r\n|\n|\r/);
    pending = (lines.pop() ?? "").slice(0, lineCharactersMax);
    for (const line of lines) {
      heard(line);
    }
  };
  let cancel = (): void => {};
  const look = (): void => {
    if (place?.() === "back") {
      input.pause();
    } else {
      input.resume();
    }
    cancel = place === undefined ? cancel : clock.after(lookEveryMs, look);
  };
  input.on("data", onData);
  look();
  return () => {
    cancel();
    input.off("data", onData);
    input.pause();
  };
}
