import { readdirSync, readFileSync } from "node:fs";
import { cpuSecondsOf } from "./process-stat.ts";

/**
 * What stands between a statement and its row on the screen; each may be several processes. `sandbox` is the bench itself: AWS with the
 * SSM service's side of the tunnel, and the network between browser and controller.
 */
export const liveRoles = [
  "load",
  "tunnel",
  "sandbox",
  "proxy",
  "server",
  "controller",
  "page",
  "drawing",
  "browser",
] as const;
export type LiveRole = (typeof liveRoles)[number];

const marks: readonly (readonly [RegExp, LiveRole])[] = [
  [/--type=renderer/, "page"],
  [/--type=gpu-process/, "drawing"],
  [/chrom|headless_shell/, "browser"],
  [/\S+ controller /, "controller"],
  [/\S+ proxy( |$)/, "proxy"],
  [/pgbench/, "load"],
  [/postgres/, "server"],
];

/** What a process is by its command line, as far as it is one of ours. */
export function liveRoleOf(commandLine: string): LiveRole | undefined {
  return / rds proxy /.test(commandLine) ? "tunnel" : marks.find(([mark]) => mark.test(commandLine))?.[1];
}

/** CPU seconds so far of this process and of everything that it started. */
export function cpuByRole(): Record<LiveRole, number> {
  const sums = Object.fromEntries(liveRoles.map((role) => [role, 0])) as Record<LiveRole, number>;
  for (const pid of family()) {
    const role = pid === process.pid ? "sandbox" : liveRoleOf(commandLineOf(pid));
    if (role !== undefined) {
      sums[role] += whileItLives(() => cpuSecondsOf(pid)) ?? 0;
    }
  }
  return sums;
}

function commandLineOf(pid: number): string {
  return whileItLives(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")) ?? "";
}

/** This process and its descendants: proc(5), `stat`, field 4 is the parent. */
function family(): number[] {
  const parents = new Map<number, number>();
  for (const pid of readdirSync("/proc").map(Number).filter(Number.isInteger)) {
    const stat = whileItLives(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
    if (stat !== undefined) {
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    }
  }
  const isOurs = (pid: number): boolean => pid === process.pid || (pid > 1 && isOurs(parents.get(pid) ?? 0));
  return [...parents.keys()].filter(isOurs);
}

/** Undefined: the process ended meanwhile. */
function whileItLives<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
