import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/**
 * CPU time that a process has used so far, all of its threads, in seconds. Nanoseconds of `schedstat` (Documentation/scheduler/
 * sched-stats in the Linux sources) where the kernel has it, clock ticks of `stat` (proc(5), fields 14 and 15) otherwise.
 */
export function cpuSecondsOf(pid: number): number {
  let nanoseconds = 0;
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]);
    }
    return nanoseconds / 1e9;
  } catch {
    return parseTicks(readFileSync(`/proc/${pid}/stat`, "latin1")) / 100;
  }
}

/** utime and stime of a line of `/proc/<pid>/stat`, in ticks (100 a second on every Linux that Node runs on). */
export function parseTicks(stat: string): number {
  // The second field is the program's name, which may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Resident memory of a process now, and the most it ever had, in bytes. */
export function memoryOf(pid: number): { readonly nowBytes: number; readonly peakBytes: number } {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1]);
  return { nowBytes: kibibytes("VmRSS") * 1024, peakBytes: kibibytes("VmHWM") * 1024 };
}

/** Makes the peak of a process's memory begin anew (proc(5), clear_refs), and gives what it is now, bytes. */
export function resetPeak(pid: number): number {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return memoryOf(pid).nowBytes;
}
