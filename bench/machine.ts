import { execFileSync } from "node:child_process";
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, loadavg, release, totalmem, type } from "node:os";
import path from "node:path";
import { makeFolder } from "./folder.ts";
import { findProgram, type Program } from "./programs.ts";
import { median } from "./statistics.ts";

/** What ratios were taken on. */
export interface Machine {
  readonly cores: number;
  readonly memoryGiB: number;
  /** Kind and release of the operating system. */
  readonly system: string;
  readonly node: string;
  /** First line of each program's own words about its version. */
  readonly versions: Readonly<Record<string, string>>;
  /** Processes that wanted a core before the bench began, on average over a minute: beyond 0 the ratios suffer. */
  readonly load: number;
  /** A record's worth of bytes appended and flushed to the device that the spools lie on, median, µs. */
  readonly flushMicroseconds: number;
}

const versionArguments: Partial<Record<Program, string>> = {
  pgbench: "--version",
  pgbouncer: "--version",
  haproxy: "-v",
  sysbench: "--version",
  mariadbd: "--version",
};
/** Flushes that are timed, and bytes of each: a statement's record. */
const flushes = 200;
const recordBytes = 350;

/** Looks at the machine. */
export function describeMachine(): Machine {
  const versions = Object.entries(versionArguments).flatMap(([name, argument]) => {
    const line = versionOf(name as Program, argument);
    return line === undefined ? [] : [[name, line] as const];
  });
  return {
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().split("-")[0] ?? ""}`,
    node: process.version,
    versions: Object.fromEntries(versions),
    load: loadavg()[0] ?? 0,
    flushMicroseconds: timeFlush(),
  };
}

function versionOf(name: Program, argument: string): string | undefined {
  try {
    // The machine's own paths are nobody's business.
    return /\d+\.\d+[\w.:+-]*/.exec(execFileSync(findProgram(name), [argument], { encoding: "utf8" }))?.[0];
  } catch {
    return undefined;
  }
}

function timeFlush(): number {
  const file = path.join(makeFolder("flush"), "file");
  const fd = openSync(file, "w");
  const bytes = Buffer.alloc(recordBytes);
  const times: number[] = [];
  for (let count = 0; count < flushes; count += 1) {
    const startMs = performance.now();
    writeSync(fd, bytes);
    fdatasyncSync(fd);
    times.push((performance.now() - startMs) * 1_000);
  }
  closeSync(fd);
  rmSync(file);
  return Math.round(median(times));
}
