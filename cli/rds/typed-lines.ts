import { StringDecoder } from "node:string_decoder";
import type { World } from "../command.ts";

/** Nobody types a longer one; what is pasted by mistake is not kept. */
const lineCharactersMax = 1_000;

/**
 * Calls `heard` with each line that is typed at the terminal, until the answer is called. Lines, not keys: the terminal stays as it is, so
 * that Ctrl-C, Ctrl-Z and a crash leave it in order. Nothing is read where there is no terminal.
 */
export function readLines(world: World, heard: (line: string) => void): () => void {
  if (!world.interactive) {
    return () => {};
  }
  const { input } = world.terminal;
  const decoder = new StringDecoder("utf8");
  let pending = "";
  const onData = (chunk: Buffer | string): void => {
    const lines = (pending + (typeof chunk === "string" ? chunk : decoder.write(chunk))).split(/\r\n|\n|\r/);
    pending = (lines.pop() ?? "").slice(0, lineCharactersMax);
    for (const line of lines) {
      heard(line);
    }
  };
  input.on("data", onData);
  input.resume();
  return () => {
    input.off("data", onData);
    input.pause();
  };
}
