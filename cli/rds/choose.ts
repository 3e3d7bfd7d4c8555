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

/** Finds what the person wants among what they may ask for; asks with a pick list when several fit. */
export async function chooseEntitlement(control: ControlClient, wanted: Wanted, world: World): Promise<Entitlement> {
  const { items } = await control.get<EntitlementList>("/v1/databases", world.signal);
  if (items.length === 0) {
    throw new UserError("NothingAvailable", "you don't have access to any databases", {
      why: "no availability names you or a group of yours",
      next: "Ask whoever operates Sallyport for an Availability.",
    });
  }
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
  return choose(
    world,
    "Select a database to connect to",
    fitting.map((value) => ({
      label: `${value.database}  ${value.role}`,
      hint: value.grant?.state === "Active" ? "active" : value.needsApproval ? "needs approval" : value.databaseName,
      value,
    })),
    `Name them: sallyport rds proxy --database ${only.database} --role ${only.role}`,
  );
}

function describe(wanted: Wanted): string {
  return [wanted.namespace, wanted.database ?? "*", wanted.role ?? "*"].filter((part) => part !== undefined).join("/");
}
