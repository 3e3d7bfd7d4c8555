import type { Convergence, RevocationLag, ScaleResult } from "./scale.ts";
import { cloud } from "./scale-world.ts";
import { formatNumber, table } from "./table.ts";

/** What it says of scale, in Markdown. */
export function scaleText({ convergences, restart, steady, idleLag, busyLag }: ScaleResult): string {
  return [
    `Over ${cloud.accounts} accounts, against AWS's own limits: ${cloud.callsPerSecond} calls a second to Identity Center, one role update of ` +
      `${cloud.roleUpdateMs / 1_000} s at a time in each account. The bound is the time in which the calls that were made, or the role ` +
      "updates of an account, could be made at best.",
    table([
      ["Grants that became live", "all Grants", "seconds", "bound", "ratio", "throttled", "controller's CPU for each"],
      ...convergences.map(convergenceRow),
    ]),
    "Calls for each grant until it is live, with the controller's other calls of that time:",
    table([
      ["operation", ...convergences.map(({ objects }) => `${objects} in all`)],
      ...operationsOf(convergences).map((name) => [
        name,
        ...convergences.map(({ callsPerGrant }) => formatNumber(callsPerGrant[name] ?? 0)),
      ]),
    ]),
    `A controller that was started again with ${restart.objects} Grants was idle after ${formatNumber(restart.idleSeconds)} s ` +
      `(${formatNumber(restart.cpuSeconds)} s of CPU), had changed nothing in AWS (${restart.writes} writes) and no status ` +
      `(${restart.statusWrites}). It held ${formatNumber(restart.bytesPerObject / 1_024)} KiB of resident memory for each object. ` +
      `A scrape of its metrics took ${formatNumber(restart.scrapeMs)} ms.`,
    `With ${steady.live} live Grants and nothing to do it made these calls a minute, ${formatNumber(steady.shareOfLimit * 100)} % of what ` +
      `Identity Center allows, and took ${formatNumber(steady.cpuShare * 100)} % of a core:`,
    table([
      ["operation", "calls a minute"],
      ...Object.keys(steady.callsPerMinute)
        .sort()
        .map((name) => [name, formatNumber(steady.callsPerMinute[name] ?? 0)]),
    ]),
    `From the request to end a grant until its proxy had confirmed it: ${lagText(idleLag)} with nothing else to do, ${lagText(busyLag)} while ` +
      "Grants were queued for creation.",
  ].join("\n\n");
}

function convergenceRow(convergence: Convergence): string[] {
  const { grants, objects, seconds, boundSeconds, ratio, throttled, cpuMsPerGrant } = convergence;
  const numbers = [seconds, boundSeconds, ratio].map(formatNumber);
  return [`${grants}`, `${objects}`, ...numbers, `${throttled}`, `${formatNumber(cpuMsPerGrant)} ms`];
}

function operationsOf(convergences: readonly Convergence[]): string[] {
  return [...new Set(convergences.flatMap(({ callsPerGrant }) => Object.keys(callsPerGrant)))].sort();
}

function lagText({ count, p50, p99 }: RevocationLag): string {
  return `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms of ${count}`;
}
