import type { Condition } from "#kinds/index.ts";

/** A status of any kind, as far as it is looked at here. */
export type AnyStatus = Readonly<Record<string, unknown>> & { readonly conditions?: readonly Condition[] };

const flagged = "Flagged";

/** What the main field manager says of a status: everything but the Flagged condition. */
export function mainPart(status: AnyStatus): AnyStatus {
  const { conditions, ...rest } = status;
  const own = (conditions ?? []).filter(({ type }) => type !== flagged);
  return own.length === 0 ? rest : { ...rest, conditions: own };
}

/** What the manager of flags says of a status: the Flagged condition. */
export function flagPart({ conditions = [] }: AnyStatus): AnyStatus {
  const own = conditions.filter(({ type }) => type === flagged);
  return own.length === 0 ? {} : { conditions: own };
}

/**
 * A merge patch that removes from `found` what `wanted` does not have; undefined where there is nothing. Server-side apply
 * leaves what another manager owns, such as whoever edited the status by hand.
 */
export function leftovers(found: AnyStatus, wanted: AnyStatus): Readonly<Record<string, unknown>> | undefined {
  const names = Object.keys(found).filter((name) => !Object.hasOwn(wanted, name));
  const nulls = Object.fromEntries(names.map((name) => [name, null]));
  const known = new Set((wanted.conditions ?? []).map(({ type }) => type));
  const foreign = (found.conditions ?? []).some(({ type }) => !known.has(type));
  if (names.length === 0 && !foreign) {
    return undefined;
  }
  return { ...nulls, ...(foreign && wanted.conditions !== undefined ? { conditions: wanted.conditions } : {}) };
}
