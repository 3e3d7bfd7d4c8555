import type { GrantList, GrantView } from "#wire/control-api.ts";
import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import { isGrantID } from "#lib/grant-id.ts";
import { type Command, type Invocation, valueOf } from "../command.ts";
import { signedIn } from "../signin/signed-in.ts";

/** `sallyport grants list` */
export const grantsList: Command = {
  name: "grants list",
  summary: "List grants: your own, or everybody's if you are an auditor",
  options: [
    { name: "user", value: "NAME", summary: "only this person's" },
    { name: "database", value: "NAME", summary: "only for this database" },
    { name: "state", value: "STATE", summary: "only in this state, such as Active or Ended" },
  ],
  examples: [{ run: "sallyport grants list --state Active", does: "what is live now" }],
  async run(invocation) {
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
    world.output.rows(
      items,
      [
        ["grant", (grant) => grant.grantID || grant.name],
        ["person", (grant) => grant.userName],
        ["database", (grant) => grant.database],
        ["role", (grant) => grant.role],
        ["state", (grant) => grant.state],
        ["expires", (grant) => grant.expiryTime ?? "-"],
        ...(items.some(({ flagged }) => flagged !== undefined) ? [flaggedColumn] : []),
      ],
      "No grants found.",
    );
    return 0;
  },
};

/** Only there where a grant's statements endangered others. */
const flaggedColumn: readonly [string, (grant: GrantView) => string] = ["flagged", (grant) => grant.flagged ?? "-"];

/** `sallyport grants get` */
export const grantsGet: Command = {
  name: "grants get",
  summary: "Show one grant",
  positionals: ["GRANT-ID"],
  options: [],
  examples: [{ run: "sallyport grants get gmztgmztgmztgmztgmztgmztgmy", does: "its state, times and reason" }],
  async run(invocation) {
    const { world } = invocation;
    const id = grantID(invocation);
    const grant = await signedIn(world, ({ control }) =>
      control.get<GrantView>(`/v1/grants/${id}`, { signal: world.signal }),
    );
    world.output.result(grant, () =>
      Object.entries(grant)
        .filter(([, value]) => value !== "")
        .map(([name, value]) => `${`${name}:`.padEnd(16)}${String(value)}`)
        .join("\n"),
    );
    return 0;
  },
};

/** `sallyport grants revoke` */
export const grantsRevoke: Command = {
  name: "grants revoke",
  summary: "End a grant now: its sessions are cut and its access is taken away",
  positionals: ["GRANT-ID"],
  options: [{ name: "reason", value: "TEXT", summary: "why; shown to the person and kept in the audit trail" }],
  examples: [{ run: 'sallyport grants revoke GRANT-ID --reason "done"', does: "give access back early" }],
  async run(invocation) {
    const reason = valueOf(invocation, "reason") ?? "ended from the command line";
    const id = grantID(invocation);
    const { world } = invocation;
    const grant = await signedIn(world, ({ control }) =>
      control.post<GrantView>(`/v1/grants/${id}/revoke`, { reason }, { signal: world.signal }),
    );
    world.output.result(grant, () => `Grant ${id} is being ended: ${reason}`);
    return 0;
  },
};

function grantID(invocation: Invocation): string {
  const [id] = invocation.positionals;
  if (id === undefined || !isGrantID(id)) {
    throw new UserError("InvalidGrantID", `"${id ?? ""}" is not a grant ID`, { next: "sallyport grants list" });
  }
  return id;
}
