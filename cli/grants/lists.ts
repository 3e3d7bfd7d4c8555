import { defined } from "#lib/defined.ts";
import type { GrantList, GrantView } from "#wire/control-api.ts";
import { type Invocation, isSet, valueOf } from "../command.ts";
import { formatDuration } from "../output/duration.ts";
import type { Columns } from "../output/output.ts";
import { approvalProgress } from "../rds/approval-text.ts";
import { signedIn } from "../signin/signed-in.ts";
import { findGrant, handleOf, typedGrant } from "./find.ts";
import { factLines } from "./screen.ts";

/** `sallyport grants list` */
export async function listGrants(invocation: Invocation): Promise<number> {
  const query = new URLSearchParams(
    defined({
      userName: valueOf(invocation, "user"),
      database: valueOf(invocation, "database"),
      state: valueOf(invocation, "state"),
    }),
  );
  const { world } = invocation;
  const { items } = await signedIn(world, ({ control }) =>
    control.get<GrantList>(`/v1/grants?${query}`, { signal: world.signal }),
  );
  const columns: Columns<GrantView> = [
    ["grant", (grant) => grant.grantID || grant.name],
    ["person", (grant) => grant.userName],
    ["database", (grant) => grant.database],
    ["role", (grant) => grant.role],
    ["state", (grant) => grant.state],
    // When access ended, which may be before it would have.
    ["ends", ({ endTime, expiryTime }) => endTime ?? expiryTime ?? "-"],
    // Only there where a grant's statements endangered others, or somebody skipped the approval.
    ...(items.some(({ flagged }) => flagged !== undefined) ? [flaggedColumn] : []),
    ...(items.some(({ urgency }) => urgency === "BreakGlass") ? [urgencyColumn] : []),
  ];
  world.output.rows(items, columns, "No grants found.");
  return 0;
}

const flaggedColumn: Columns<GrantView>[number] = ["flagged", (grant) => grant.flagged ?? "-"];
const urgencyColumn: Columns<GrantView>[number] = [
  "urgency",
  (grant) => (grant.urgency === "BreakGlass" ? "break-glass" : "-"),
];

/** `sallyport reviews` */
export async function listReviews(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const state = isSet(invocation, "decided") ? "decided" : "waiting";
  const { items } = await signedIn(world, ({ control }) =>
    control.get<GrantList>(`/v1/reviews?state=${state}`, { signal: world.signal }),
  );
  world.output.rows(
    items,
    [
      ["grant", handleOf],
      ["person", (grant) => grant.userName],
      ["database", (grant) => grant.database],
      ["role", (grant) => grant.role],
      ["length", (grant) => (grant.durationSeconds === undefined ? "-" : formatDuration(grant.durationSeconds))],
      state === "waiting"
        ? ["waits for", (grant) => approvalProgress(grant) || grant.state]
        : ["state", (grant) => grant.state],
      ["reason", (grant) => grant.reason || "-"],
    ],
    state === "waiting" ? "Nothing waits for you." : "You have decided on nothing that is still known.",
  );
  return 0;
}

/** `sallyport grants get` */
export async function getGrant(invocation: Invocation): Promise<number> {
  const { world } = invocation;
  const typed = typedGrant(invocation);
  const grant = await signedIn(world, ({ control }) => findGrant(control, typed, world));
  world.output.result(grant, () => grantText(grant));
  return 0;
}

/** All that is known of a grant, a line each. */
function grantText(grant: GrantView): string {
  const { approval, extension, actions, ...plain } = grant;
  const steps = (approval?.steps ?? []).flatMap(({ name, state, decisions }): [string, string][] => [
    [`step ${name}`, state],
    ...decisions.map(({ decision, reviewer, comment, time }): [string, string] => [
      `  ${decision === "Approve" ? "approved" : "denied"}`,
      `by ${reviewer.username} at ${time}${comment === undefined ? "" : `: ${comment}`}`,
    ]),
  ]);
  return factLines([
    ...Object.entries(plain).map(([name, value]) => [name, String(value)] as const),
    ["approval", approval === undefined ? undefined : `${approval.kind}, ${approval.state}`],
    ["approve by", approval?.deadline],
    ...steps,
    [
      "extensions",
      extension === undefined
        ? undefined
        : `${extension.count} of ${extension.maxCount}, each ${formatDuration(extension.durationSeconds)}${
            extension.fromTime === undefined || extension.count >= extension.maxCount
              ? ""
              : `, the next from ${extension.fromTime} on`
          }`,
    ],
    ["you may", actions?.join(", ")],
  ])
    .map((line) => line.slice(4))
    .join("\n");
}
