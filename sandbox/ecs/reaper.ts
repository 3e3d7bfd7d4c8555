import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

/**
 * A shell that outlives us by a moment: it is told of every process group on its standard input, and when that closes
 * (we ended, by whatever means, SIGKILL included) it kills those that are left and removes the storage directory.
 */
const script = `
trap '' INT TERM HUP
groups=""
while read -r sign group; do
  if [ "$sign" = "+" ]; then
    groups="$groups $group"
  else
    left=""
    for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
    groups=$left
  fi
done
for one in $groups; do kill -9 "-$one" 2>/dev/null; done
rm -rf -- "$1"
`;

/** Sees to it that no process of a task outlives the sandbox. */
export interface Reaper {
  /** A process group has been started. */
  watch(processGroup: number): void;
  /** A process group has ended. */
  forget(processGroup: number): void;
  /** Kills what is left, removes the storage directory and resolves when that is done. */
  close(): Promise<void>;
}

/** Starts the reaper. `storageDirectory` is removed when it ends. */
export function startReaper(storageDirectory: string): Reaper {
  const child: ChildProcess = spawn("/bin/sh", ["-c", script, "sallyport-reaper", storageDirectory], {
    // Its own group, so that a terminal's Ctrl-C does not reach it before it has done its work.
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
  });
  child.unref();
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  child.stdin?.on("error", () => {});
  return {
    watch(processGroup) {
      child.stdin?.write(`+ ${processGroup}\n`);
    },
    forget(processGroup) {
      child.stdin?.write(`- ${processGroup}\n`);
    },
    close() {
      child.ref();
      child.stdin?.end();
      return ended;
    },
  };
}
