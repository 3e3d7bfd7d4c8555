import { defined } from "#lib/defined.ts";
import { HttpProblem, type RouteRequest } from "../route.ts";
import { grantIDText, instant, integer, oneOf, text } from "../schemas.ts";
import type { AuditFilter } from "../services.ts";

/** By which sessions are found, and their statements. */
export const trailQuery = {
  userName: text(128),
  grantID: grantIDText,
  database: text(128),
  session: text(64),
  since: instant,
  until: instant,
} as const;

const count = integer(0, Number.MAX_SAFE_INTEGER);

/** By which statements are found. */
export const statementQuery = {
  ...trailQuery,
  text: text(1024),
  outcome: oneOf("ok", "error", "cancelled", "not-executed", "cut", "unknown"),
  minDurationMs: count,
  minRows: count,
} as const;

/** What was asked for by the parameters of `names`. Throws 400 for an instant that is none: the schema sees the form only, and 2026-02-31 has it. */
export function filterOf(
  names: Readonly<Partial<Record<keyof AuditFilter, unknown>>>,
  query: RouteRequest["query"],
): AuditFilter {
  const asked = defined(Object.fromEntries(Object.keys(names).map((name) => [name, query[name]]))) as AuditFilter;
  for (const name of ["since", "until"] as const) {
    const instant = asked[name];
    if (instant !== undefined && !isInstant(instant)) {
      throw new HttpProblem(400, "InvalidInput", `query.${name}: is no instant`);
    }
  }
  return asked;
}

/** Whether there is such a day: `Date.parse` takes the 31st of February for the 3rd of March. */
function isInstant(text: string): boolean {
  const day = text.slice(0, "2026-01-01".length);
  return !Number.isNaN(Date.parse(text)) && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
