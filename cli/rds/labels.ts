import { UserError } from "#lib/errors.ts";
import type { Entitlement } from "#wire/control-api.ts";

type Named = Pick<Entitlement, "namespace" | "database" | "role">;

/**
 * What messages call each of several databases: `database:role`, with the namespace before it where another one is called the same. Throws a
 * `UserError` where one is named twice, or two would have the same variable.
 */
export function labelsOf(all: readonly Named[]): readonly string[] {
  const short = all.map(({ database, role }) => `${database}:${role}`);
  const labels = all.map(({ namespace }, index) => {
    const label = short[index] ?? "";
    return short.filter((other) => other === label).length > 1 ? `${namespace}/${label}` : label;
  });
  for (const [index, label] of labels.entries()) {
    const other = labels.slice(0, index).find((before) => addressVariable(before) === addressVariable(label));
    if (other === label) {
      throw new UserError("InvalidTarget", `${label} is named twice`, { next: "Name each database and role once." });
    }
    if (other !== undefined) {
      throw new UserError("InvalidTarget", `${other} and ${label} cannot be served by one command`, {
        why: `the address of both would be in ${addressVariable(label)}`,
        next: "Run the command once for each.",
      });
    }
  }
  return labels;
}

/** The variable that has the address of one of several databases. */
export function addressVariable(label: string): string {
  return `DATABASE_URL_${label.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")}`;
}
