import type { ScaleResult } from "./scale.ts";
import { cloud } from "./scale-world.ts";
import { formatNumber, table } from "./table.ts";

/** What it says of scale, in Markdown. */
export function scaleText({ convergence, restart, idleLag, busyLag }: ScaleResult): string {
  const { grants, seconds, boundSeconds, ratio, callsPerGrant, throttled } = convergence;
  const calls = Object.entries(callsPerGrant)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => [name, formatNumber(count)]);
  const lag = ({ count, p50, p99 }: typeof idleLag): string =>
    `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms of ${count}`;
  return [
    `${grants} Grants over ${cloud.accounts} accounts became live in ${formatNumber(seconds)} s. AWS's own limits allow for ` +
      `${formatNumber(boundSeconds)} s: ${cloud.callsPerSecond} calls a second to Identity Center, one role update of ` +
      `${cloud.roleUpdateMs / 1_000} s at a time in each account. That is ${formatNumber(ratio)} ×. ${throttled} calls were throttled.`,
    "Calls for each grant until it is live, with the controller's other calls of that time:",
    table([["operation", "calls per grant"], ...calls]),
    `A controller that was started again with ${restart.objects} Grants was idle after ${formatNumber(restart.idleSeconds)} s and had changed ` +
      `nothing in AWS (${restart.writes} writes). It held ${formatNumber(restart.bytesPerObject / 1_024)} KiB of memory for each object.`,
    `From the request to end a grant until its proxy had confirmed it: ${lag(idleLag)} with nothing else to do, ${lag(busyLag)} while ` +
      "Grants were queued for creation.",
  ].join("\n\n");
}
