import { printable } from "#audit/text.ts";
import type { GrantView } from "#wire/control-api.ts";
import { formatDuration } from "../output/duration.ts";
import { approvalProgress } from "../rds/approval-text.ts";

/** What a reviewer decides on: who, what, why, how long, and what pins it. A first line and one for each fact. */
export function reviewScreen(grant: GrantView): string {
  const { userName, requester, role, database, urgency } = grant;
  const by = requester === undefined || requester === userName ? "" : `, asked for by ${requester}`;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["reason", grant.reason === "" ? "(none given)" : grant.reason],
    ["urgency", urgency === "BreakGlass" ? "break-glass: the approval was skipped" : undefined],
    ["how long", grant.durationSeconds === undefined ? undefined : formatDuration(grant.durationSeconds)],
    ["from", grant.startTime],
    ["not after", grant.notAfterTime],
    ["asked", grant.requestTime],
    ["approve by", grant.approval?.deadline],
    ["workflow", grant.workflow],
    ["waits for", approvalProgress(grant)],
    ["grant", `${grant.grantID} (${grant.namespace}/${grant.name})`],
    ["digest", grant.digest],
  ];
  return [`${printable(`${userName}: ${role} on ${database}${by}`)}`, ...factLines(facts)].join("\n");
}

/** Aligned lines of `name: value`, indented; without those that have none. Values come from others: line ends in them are shown, not obeyed. */
export function factLines(facts: readonly (readonly [name: string, value: string | undefined])[]): string[] {
  const given = facts.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(...given.map(([name]) => name.length)) + 2;
  return given.map(([name, value]) => `    ${`${name}:`.padEnd(width)}${printable(value ?? "")}`);
}
