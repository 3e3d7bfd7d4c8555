import { globSync, readFileSync } from "node:fs";
import path from "node:path";

/*
 * `node bench/profile.ts DIR`: where the time went in the profiles that `npm run bench -- PART --profile DIR` has left, by function
 * itself and with what it called, in percent of the time that was not idle.
 */

/** The parts of a `.cpuprofile` that are read (Chrome DevTools Protocol, Profiler.Profile). */
interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const linesEach = 30;
const idle = "(idle)";

/** Microseconds by function: itself, and with its callees. */
function timesOf(profile: Profile): { readonly own: Map<string, number>; readonly whole: Map<string, number> } {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id] as const)),
  );
  const own = new Map<string, number>();
  const whole = new Map<string, number>();
  for (const [index, sample] of profile.samples.entries()) {
    const microseconds = profile.timeDeltas[index] ?? 0;
    add(own, names.get(sample), microseconds);
    const stack = new Set<string | undefined>();
    for (let node: number | undefined = sample; node !== undefined; node = parents.get(node)) {
      stack.add(names.get(node));
    }
    for (const name of stack) {
      add(whole, name, microseconds);
    }
  }
  return { own, whole };
}

function nameOf({ functionName, url, lineNumber }: Profile["nodes"][number]["callFrame"]): string {
  const file = url.replace(`file://${path.dirname(import.meta.dirname)}/`, "");
  return file === "" ? functionName : `${functionName || "(anonymous)"}  ${file}:${lineNumber + 1}`;
}

function add(times: Map<string, number>, name = "(unknown)", microseconds = 0): void {
  times.set(name, (times.get(name) ?? 0) + microseconds);
}

function listing(times: ReadonlyMap<string, number>, busy: number): string {
  return [...times]
    .filter(([name]) => name !== idle && name !== "(root)")
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, linesEach)
    .map(([name, microseconds]) => `${((microseconds / busy) * 100).toFixed(1).padStart(6)} %  ${name}`)
    .join("\n");
}

for (const file of globSync(path.join(process.argv[2] ?? ".", "*.cpuprofile")).toSorted()) {
  const profile = JSON.parse(readFileSync(file, "utf8")) as Profile;
  const { own, whole } = timesOf(profile);
  const busy = profile.timeDeltas.reduce((sum, delta) => sum + delta, 0) - (own.get(idle) ?? 0);
  process.stdout.write(
    `${path.basename(file)}: busy ${(busy / 1e6).toFixed(1)} s\n\nitself:\n${listing(own, busy)}\n\nwith callees:\n${listing(whole, busy)}\n\n`,
  );
}
