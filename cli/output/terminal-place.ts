import { readFileSync } from "node:fs";

/**
 * Where a process stands at its terminal. `front`: what is typed is for it, and Ctrl-C reaches it and all that it started. `back`: it runs behind
 * a shell's prompt (`&`, `bg`), and reading what is typed would stop it (termios(3), SIGTTIN). `none`: it has no terminal.
 */
export type TerminalPlace = "front" | "back" | "none";

/**
 * Where this process stands now; a shell may move it at any time. Undefined where that cannot be seen: only Linux tells without a program of its
 * own. Source: proc_pid_stat(5), the fields pgrp and tpgid.
 */
export function terminalPlace(statFile = "/proc/self/stat"): TerminalPlace | undefined {
  let text: string;
  try {
    text = readFileSync(statFile, "latin1");
  } catch {
    return undefined;
  }
  // The second field is the program's name in brackets, which may hold anything.
  const [, , group, , , foreground] = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  if (group === undefined || foreground === undefined || Number.isNaN(foreground)) {
    return undefined;
  }
  return foreground < 1 ? "none" : group === foreground ? "front" : "back";
}
