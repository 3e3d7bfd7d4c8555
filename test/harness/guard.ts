import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Each line that it reads is the whole list of process ids; once its input ends, it kills them and removes the folder. A terminal's
 * Ctrl-C reaches it too and must not end it first.
 */
const script = `
trap '' INT TERM HUP
pids=
while read -r line; do pids=$line; done
[ -z "$pids" ] || kill -9 $pids 2>/dev/null
rm -rf "$1"
`;

/** Ends servers with the process that started them, whatever ends that one. */
export interface Guard {
  /** The servers to kill at the end. One that has ended must leave the list, since the system gives its id to others. */
  watch(pids: readonly number[]): void;
  /** Kills them, removes the folder, and resolves when that is done. */
  end(): Promise<void>;
}

/**
 * Starts a shell that waits until this process closes a pipe, as the system does for a process that was killed with `SIGKILL`, whose
 * `exit` handlers do not run.
 */
export function startGuard(folder: string): Guard {
  const shell = spawn("/bin/sh", ["-c", script, "guard", folder], { stdio: ["pipe", "ignore", "ignore"] });
  const closed = once(shell, "exit").then(() => {});
  return {
    // A server that did not start has no id; 0 would mean every process of our group.
    watch: (pids) => void shell.stdin.write(`${pids.filter((pid) => pid > 0).join(" ")}\n`),
    async end() {
      shell.stdin.end();
      await closed;
    },
  };
}
