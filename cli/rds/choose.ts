import { UserError } from "#lib/errors.ts";
import type { Entitlement, EntitlementList } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { choose } from "../output/prompt.ts";

/** What the person typed. */
export interface Wanted {
  readonly database?: string;
  readonly role?: string;
  readonly namespace?: string;
}

/** Width of a column of the pick list; longer names are cut with an ellipsis. */
const columnWidth = 40;

/** What the person may ask for. A `UserError` where that is nothing. */
export async function availableTo(control: ControlClient, world: World): Promise<readonly Entitlement[]> {
  const { items } = await control.get<EntitlementList>("/v1/databases", { signal: world.signal });
  if (items.length === 0) {
    throw new UserError("NothingAvailable", "you don't have access to any RDS databases", {
      why: "no availability names you or a group of yours",
      next: "Ask whoever operates Sallyport for an Availability.",
    });
  }
  return items;
}

/** Finds what the person wants among what they may ask for; asks with a pick list when several fit. */
export async function chooseEntitlement(
  items: readonly Entitlement[],
  wanted: Wanted,
  world: World,
): Promise<Entitlement> {
  const fitting = items.filter(
    (entry) =>
      (wanted.database === undefined || entry.database === wanted.database) &&
      (wanted.role === undefined || entry.role === wanted.role) &&
      (wanted.namespace === undefined || entry.namespace === wanted.namespace),
  );
  const [only, second] = fitting;
  if (only === undefined) {
    throw new UserError("NotAvailable", `nothing that you may ask for is called ${describe(wanted)}`, {
      why: `you may ask for: ${items.map((entry) => `${entry.database}/${entry.role}`).join(", ")}`,
      next: "sallyport databases list",
    });
  }
  if (second === undefined) {
    return only;
  }
  const several = new Set(fitting.map((entry) => entry.namespace)).size > 1;
  return choose(
    world,
    "Select a database to connect to: ",
    fitting.map((value) => ({ label: labelOf(value, several), hint: hintOf(value), value })),
    `Name them: sallyport rds proxy --database ${only.database} --role ${only.role}${several ? ` --namespace ${only.namespace}` : ""}`,
  );
}

function labelOf(entry: Entitlement, withNamespace: boolean): string {
  const name = withNamespace ? `${entry.namespace}/${entry.database}` : entry.database;
  return `${column(name)}${column(entry.role)}`.trimEnd();
}

function column(text: string): string {
  const cut = text.length < columnWidth ? text : `${text.slice(0, columnWidth - 2)}…`;
  return cut.padEnd(columnWidth);
}

function hintOf(entry: Entitlement): string {
  if (entry.grant !== undefined) {
    return entry.grant.state === "Active" ? "active" : "pending";
  }
  return entry.needsApproval ? "needs approval" : entry.databaseName;
}

function describe(wanted: Wanted): string {
  return [wanted.namespace, wanted.database ?? "*", wanted.role ?? "*"].filter((part) => part !== undefined).join("/");
}
