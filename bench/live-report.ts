import type { Goal } from "./goal.ts";
import { type LiveResult } from "./live.ts";
import { liveRoles } from "./live-cpu.ts";
import { formatNumber, table } from "./table.ts";

/** What a page that follows does. */
export function liveText(results: readonly LiveResult[]): string {
  const nameOf = ({ offered }: LiveResult): string => (offered === undefined ? "as many as it takes" : String(offered));
  return [
    table([
      [
        "offered a second",
        "run a second",
        "in the page",
        "age of the newest row p50",
        "p95",
        "frames",
        "over 50 ms",
        "longest",
      ],
      ...results.map((result) => [
        nameOf(result),
        formatNumber(result.perSecond),
        String(result.statements),
        `${formatNumber(result.ageMs.p50)} ms`,
        `${formatNumber(result.ageMs.p95)} ms`,
        String(result.frames.count),
        String(result.frames.over50Ms),
        `${result.frames.longestMs} ms`,
      ]),
    ]),
    "CPU seconds for each second:",
    table([
      ["offered a second", ...liveRoles, "all", "all, for a statement"],
      ...results.map((result) => {
        const cpu = liveRoles.map((role) => result.cpu[role]);
        const all = cpu.reduce((sum, each) => sum + each, 0);
        const forStatement = `${formatNumber((all / result.perSecond) * 1_000)} ms`;
        return [nameOf(result), ...[...cpu, all].map((seconds) => seconds.toFixed(2)), forStatement];
      }),
    ]),
    "A grant's page in a real Chromium that draws without a GPU, 1280 × 800, while pgbench runs `select 'load …'` over 8 connections through `rds proxy` (`tunnel`), " +
      "the SSM tunnel (`sandbox`, which is AWS and the bench itself), the proxy, the server, and the controller with its audit store; all of them, and " +
      "whatever else the machine does, share its cores. The page has every statement exactly once, or the run fails. Age: now less the time at which the newest " +
      "statement on the screen began; a list that follows is drawn ten times a second.",
  ].join("\n\n");
}

/** What is wanted of it. */
export function liveGoals(results: readonly LiveResult[]): Goal[] {
  return [
    {
      what: "Live statements in Chromium through the proxy, a second",
      wanted: 1_000,
      is: "at least",
      measured: results.filter(({ offered }) => offered === undefined).map(({ perSecond }) => ["most", perSecond]),
    },
  ];
}
